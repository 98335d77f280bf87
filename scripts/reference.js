// Why: the API is described once, in the JSDoc of types/index.d.ts, where editors show it. This makes docs/api.md of it:
// `npm run docs` writes that page, `npm run docs -- --check` fails when it is not what would be written.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { SOURCE, isOfSymbol, readDeclarations } = require('./declarations')

const ROOT = path.join(__dirname, '..')
const PAGE = 'docs/api.md'

const NOTE = `<!-- Made from ${SOURCE} by \`npm run docs\`. Change it there. -->`

/** What a heading says before a method's name, as code that uses it would. */
const INSTANCES = { MappedFile: 'file', Pool: 'pool', Pin: 'pin', MemoryLease: 'lease' }

/** The anchor that a heading has on the usual forges. */
const anchorOf = (title) => title.toLowerCase().replace(/[^\w\- ]/g, '').replaceAll(' ', '-')

const linkTo = (title, text) => `[${text}](#${anchorOf(title)})`

function titleOf({ name, kind, owner }) {
  if (kind === 'function') return `${name}()`
  if (kind === 'method') return name === 'constructor' ? `new ${owner.name}()` : `${INSTANCES[owner.name] ?? owner.name}.${name}()`
  if (kind === 'property') return `${owner.name}.${name}`
  return name
}

/** One paragraph of text fits into a table; more has a section of its own. */
const isLong = ({ kind, name, text, tags }) => (kind === 'method' && !isOfSymbol(name)) || /\n\n|```|^[-*|] /m.test(text) ||
  tags.some((tag) => tag.name !== 'defaultValue')

class Page {
  #exported

  constructor(exported) {
    this.#exported = exported
  }

  /** `{@link X}` and `{@link X | text}` as links; paths as seen from the page. */
  prose(text, entry) {
    return text
      .replace(/{@link\s+([^\s|}]+)\s*\|?\s*([^}]*)}/g, (_, target, shown) => this.#link(target, shown, entry))
      .replaceAll(`](../${path.dirname(PAGE)}/`, '](')
  }

  #link(target, shown, entry) {
    const [first, second] = target.replace(/\(\)$/, '').split('.')
    const owner = entry?.owner ?? entry
    const found = second === undefined
      ? owner?.members.find(({ name }) => name === first) ?? this.#exported.find(({ name }) => name === first)
      : this.#exported.find(({ name }) => name === first)?.members.find(({ name }) => name === second)
    if (found === undefined) throw new Error(`${SOURCE}: {@link ${target}}, in the text of ${entry?.name}, leads nowhere`)
    return linkTo(this.#headingOf(found), shown || `\`${target}\``)
  }

  /** The heading under which an entry is found: its own, or that of the table it is in. */
  #headingOf(entry) {
    if (entry.kind === 'constant') return 'Constants'
    return entry.owner === undefined || isLong(entry) ? titleOf(entry) : titleOf(entry.owner)
  }

  exported(entry) {
    const signature = entry.kind === 'function' || (entry.kind === 'type' && entry.members.length === 0)
    return [`## ${titleOf(entry)}`, signature && this.#signatures(entry), ...this.#body(entry),
      this.#table(entry.members.filter(({ kind, name }) => kind !== 'method' || isOfSymbol(name)), entry),
      ...entry.members.filter((member) => member.kind !== 'event' && isLong(member)).flatMap((member) => this.#member(member))]
  }

  #member(entry) {
    return [`### ${titleOf(entry)}`, this.#signatures(entry), ...this.#body(entry)]
  }

  #signatures({ name, kind, signatures }) {
    const lines = kind === 'type' || kind === 'property' ? signatures.map((type) => `${name}: ${type}`) : signatures
    return `\`\`\`ts\n${lines.join('\n')}\n\`\`\``
  }

  #body(entry) {
    const said = (name) => entry.tags.filter((tag) => tag.name === name).map(({ text }) => this.prose(text, entry))
    const labelled = (label, texts) => texts.length > 0 && `**${label}**${texts.length === 1 ? ` ${texts[0]}` : `\n\n${bullets(texts)}`}`
    const parameters = said('param')
    return [this.prose(entry.text, entry), parameters.length > 0 && `**Arguments:**\n\n${bullets(parameters)}`,
      labelled('Default:', said('defaultValue')), labelled('Gives:', said('returns')), labelled('Thread:', said('thread')),
      labelled('Errors:', said('throws')), ...said('example')]
  }

  #table(members, { name, kind }) {
    if (members.length === 0) return false
    const what = { class: 'property', type: 'value' }[kind] ?? (name.endsWith('Options') ? 'option' : 'member')
    const hasTypes = members.some(({ signatures }) => signatures !== undefined)
    const hasDefaults = members.some(({ tags }) => tags.some((tag) => tag.name === 'defaultValue'))
    const rows = members.map((member) => [this.#nameCell(member), hasTypes && code(member.signatures.join()),
      hasDefaults && this.prose(member.tags.find((tag) => tag.name === 'defaultValue')?.text ?? '', member), this.#textCell(member)])
    const head = [what, hasTypes && 'type', hasDefaults && 'default', '']
    const row = (texts) => `| ${texts.filter((text) => text !== false).map((text) => cell(text)).join(' | ')} |`
    return [row(head), row(head.map((text) => text !== false && '---')), ...rows.map(row)].join('\n')
  }

  #nameCell(member) {
    const isOptional = member.isRequired === false && !member.owner.name.endsWith('Options')
    return member.kind === 'event' ? `\`'${member.name}'\`` : `\`${member.name}${isOptional ? '?' : ''}\``
  }

  #textCell(member) {
    return member.kind === 'property' && isLong(member) ? linkTo(titleOf(member), 'see below') : this.prose(member.text, member)
  }
}

const code = (text) => `\`${text}\``
const cell = (text) => text.replace(/\s*\n\s*/g, ' ').replaceAll('|', '\\|')
const bullets = (texts) => texts.map((text) => `- ${text.replace(/\n(?=.)/g, '\n  ')}`).join('\n')

/** The page, as it should be. @returns {string} */
function makePage({ about, exported } = readDeclarations()) {
  const page = new Page(exported)
  const of = (...kinds) => exported.filter(({ kind }) => kinds.includes(kind))
  const constants = of('constant').map((entry) => `\`${entry.name}\`: ${page.prose(entry.text, entry)}`)
  const inOrder = [...of('function'), ...of('class'), ...of('interface', 'type')]
  const methods = ({ members }) =>
    members.filter(({ kind, name }) => kind === 'method' && name !== 'constructor' && !isOfSymbol(name))
  const list = (entries) => entries.map((entry) => linkTo(titleOf(entry), entry.name)).join(', ')
  const contents = [`Functions: ${list(of('function'))}`,
    ...of('class').map((entry) => `${linkTo(entry.name, entry.name)}: ${list(methods(entry))}`),
    `Types: ${list(of('interface', 'type'))}`, linkTo('Constants', 'Constants')]
  const examples = about.tags.filter(({ name }) => name === 'example').map(({ text }) => text)
  return [
    '# API', NOTE, page.prose(about.text), ...examples, bullets(contents),
    ...inOrder.flatMap((entry) => page.exported(entry)), '## Constants', bullets(constants)
  ].filter(Boolean).join('\n\n') + '\n'
}

function main([option]) {
  const page = makePage()
  const file = path.join(ROOT, PAGE)
  if (option !== '--check') fs.writeFileSync(file, page)
  else if (fs.readFileSync(file, 'utf8') !== page) {
    console.error(`${PAGE} is not what ${SOURCE} says: npm run docs`)
    process.exitCode = 1
  }
}

if (require.main === module) main(process.argv.slice(2))

module.exports = { PAGE, anchorOf, makePage }
