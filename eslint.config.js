// Why: the mistakes that matter in code with threads and callbacks (a promise nobody sees, a variable that shadows
// another, a value thrown that is no Error) are found by a machine. Layout is .editorconfig's business, not ESLint's.
'use strict'

const js = require('@eslint/js')
const globals = require('globals')

module.exports = [
  { ignores: ['build/', '**/node_modules/', 'types/*.ts', 'test/native/out/'] },
  js.configs.recommended,
  {
    files: ['**/*.js'],
    languageOptions: {
      // What Node 20, the oldest line we run on, can parse: newer syntax is an error here, not on a user's server.
      ecmaVersion: 2023,
      sourceType: 'commonjs',
      globals: globals.node
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'array-callback-return': 'error',
      'default-case-last': 'error',
      'dot-notation': 'error',
      // `x == null` is the one loose comparison with a meaning of its own: null or undefined.
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-constructor-return': 'error',
      'no-else-return': 'error',
      'no-implicit-globals': 'error',
      'no-lonely-if': 'error',
      'no-self-compare': 'error',
      'no-shadow': ['error', { builtinGlobals: false }],
      'no-throw-literal': 'error',
      'no-unneeded-ternary': 'error',
      'no-unreachable-loop': 'error',
      // An underscore says: the position is needed, the value is not.
      'no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'all', caughtErrorsIgnorePattern: '^_' }],
      'no-use-before-define': ['error', { functions: false, classes: false, variables: false }],
      'no-useless-computed-key': 'error',
      'no-useless-return': 'error',
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      'prefer-promise-reject-errors': 'error',
      strict: ['error', 'global']
    }
  },
  {
    files: ['**/*.mjs'],
    languageOptions: { ecmaVersion: 2023, sourceType: 'module', globals: globals.node },
    rules: { eqeqeq: ['error', 'always', { null: 'ignore' }], 'no-var': 'error', 'prefer-const': 'error' }
  },
  {
    // A library does not write into its user's terminal; errors and events carry what there is to say.
    files: ['lib/**/*.js', 'worker/**/*.js'],
    rules: { 'no-console': 'error' }
  },
  {
    // Runs in the page that `faultless report` makes.
    files: ['cli/report/charts.js'],
    languageOptions: { globals: { ...globals.browser, uPlot: 'readonly', REPORT: 'readonly' } }
  },
  {
    files: ['test/**/*.js'],
    languageOptions: { globals: globals.jest }
  }
]
