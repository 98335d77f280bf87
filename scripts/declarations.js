// What types/index.d.ts declares, with the JSDoc of each thing, as plain objects: for the page that scripts/reference.js makes.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { Project, Node, ts } = require('ts-morph') // has a TypeScript of its own: the one that checks types has no API

const SOURCE = 'types/index.d.ts'

/** `[Symbol.dispose]` and its like: syntax calls them. */
const isOfSymbol = (name) => name.startsWith('[')

/**
 * @typedef {object} Entry something that is declared: an export, or a member of one
 * @property {string} name
 * @property {string} kind 'function', 'constant', 'class', 'interface', 'type', 'method', 'property' or 'event'
 * @property {Entry} [owner] of a member
 * @property {string[]} signatures of functions and methods, one for each overload; of others one type
 * @property {boolean} isRequired of a property
 * @property {string} text what the JSDoc says before its tags
 * @property {{name: string, text: string}[]} tags
 * @property {Entry[]} members
 */

/** @returns {{about: Entry, exported: Entry[]}} */
function readDeclarations(source = fs.readFileSync(path.join(__dirname, '..', SOURCE), 'utf8')) {
  const file = new Project({ useInMemoryFileSystem: true, compilerOptions: { noLib: true } }).createSourceFile('index.d.ts', source)
  const statements = file.getStatements()
  const about = entryOf(statements[0], { name: '', kind: 'module' })
  return { about, exported: merged(statements.flatMap(exportedBy)) }
}

function exportedBy(node) {
  if (!Node.isExportable(node) || !node.hasExportKeyword()) return []
  if (Node.isVariableStatement(node)) {
    return node.getDeclarations().map((one) => entryOf(node, { name: one.getName(), kind: 'constant', signatures: [typeOf(one)] }))
  }
  const name = node.getName()
  if (Node.isFunctionDeclaration(node)) return [entryOf(node, { name, kind: 'function', signatures: [signatureOf(node, name)] })]
  if (Node.isTypeAliasDeclaration(node)) return [typeEntry(node, name)]
  const kind = Node.isClassDeclaration(node) ? 'class' : 'interface'
  const entry = entryOf(node, { name, kind })
  entry.members = merged(node.getMembers().flatMap((member) => membersBy(member, entry)))
  return [entry]
}

function membersBy(node, owner) {
  if (node.hasModifier?.(ts.SyntaxKind.PrivateKeyword)) return []
  const isConstructor = Node.isConstructorDeclaration(node)
  const name = isConstructor ? 'constructor' : node.getName()
  if (isConstructor || Node.isMethodDeclaration(node) || Node.isMethodSignature(node)) {
    return [entryOf(node, { name, kind: 'method', owner, signatures: [signatureOf(node, isConstructor ? `new ${owner.name}` : name)] })]
  }
  const kind = owner.name.endsWith('Events') ? 'event' : 'property'
  return [entryOf(node, { name, kind, owner, isRequired: !node.hasQuestionToken?.(), signatures: [typeOf(node)] })]
}

/** A union of strings is a list of values, each with the comment before it. */
function typeEntry(node, name) {
  const type = node.getTypeNode()
  const entry = entryOf(node, { name, kind: 'type', signatures: [typeOf(node)] })
  if (!Node.isUnionTypeNode(type) || !type.getTypeNodes().every(Node.isLiteralTypeNode)) return entry
  let end = type.getFullStart()
  entry.members = type.getTypeNodes().map((literal) => {
    const before = node.getSourceFile().getFullText().slice(end, literal.getStart())
    end = literal.getEnd()
    const comment = /\/\*\*([^]*?)\*\//.exec(before)?.[1] ?? ''
    return { name: literal.getText(), kind: 'value', owner: entry, text: comment.replace(/^\s*\* ?/gm, '').trim(), tags: [], members: [] }
  })
  return entry
}

function entryOf(node, fields) {
  const documents = ts.getJSDocCommentsAndTags(node.compilerNode).filter(ts.isJSDoc)
  const [last] = fields.kind === 'module' ? documents : documents.filter((one) => !isOfModule(one)).slice(-1)
  const textOf = (comment) => (ts.getTextOfJSDocComment(comment) ?? '').replace(/^- /, '').trim()
  const tags = (last?.tags ?? []).map((tag) => ({
    name: tag.tagName.text,
    text: (tag.name ? `\`${tag.name.getText()}\`: ` : '') + textOf(tag.comment)
  }))
  return { signatures: [], members: [], ...fields, text: textOf(last?.comment), tags }
}

const isOfModule = (document) => document.tags?.some(({ tagName }) => tagName.text === 'packageDocumentation')

const squeeze = (text) => text.replace(/\s*\/\/.*$/gm, '').replace(/^\s*\|\s*/, '').replace(/\s+/g, ' ')

function typeOf(node) {
  const type = squeeze((node.getTypeNode?.() ?? node.getReturnTypeNode?.())?.getText() ?? '') // the latter of a getter
  return node.hasQuestionToken?.() ? type.replace(/ \| undefined$/, '') : type
}

function signatureOf(node, name) {
  const parameters = node.getParameters().map((parameter) => squeeze(parameter.getText())).join(', ')
  const result = node.getReturnTypeNode?.()
  return `${name}(${parameters})${result ? `: ${squeeze(result.getText())}` : ''}`
}

/** Overloads are one entry: the text and tags of each, said once. */
function merged(entries) {
  const byName = new Map()
  for (const entry of entries) {
    const first = byName.get(entry.name)
    if (first === undefined) {
      byName.set(entry.name, entry)
    } else {
      first.signatures.push(...entry.signatures)
      if (!first.text.includes(entry.text)) first.text += `\n\n${entry.text}`
      first.tags.push(...entry.tags.filter((tag) => !first.tags.some(({ name, text }) => name === tag.name && text === tag.text)))
    }
  }
  return [...byName.values()]
}

/** What every public thing has to say, and does not. @returns {string[]} */
function missingIn({ exported } = readDeclarations()) {
  const all = exported.flatMap((entry) => [entry, ...entry.members])
  const label = ({ name, owner }) => (owner ? `${owner.name} ${name}` : name)
  const has = ({ tags }, wanted) => tags.some(({ name, text }) => name === wanted && text !== '')
  const calls = all.filter(({ kind, name }) => (kind === 'function' || kind === 'method') && !isOfSymbol(name))
  return [
    ...all.filter(({ text }) => text === '').map((entry) => `${label(entry)}: no description`),
    ...['thread', 'throws'].flatMap((tag) => calls.filter((entry) => !has(entry, tag)).map((entry) => `${label(entry)}: no @${tag}`))
  ]
}

module.exports = { SOURCE, isOfSymbol, missingIn, readDeclarations }
