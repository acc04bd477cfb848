import js from '@eslint/js';

const NODE = Object.fromEntries(['Buffer', 'console', 'performance', 'process', 'setTimeout'].map((name) => [name, 'readonly']));
const BOTH = Object.fromEntries([
  'AbortController', 'Blob', 'DOMException', 'DecompressionStream', 'File', 'FormData', 'Headers', 'Response', 'TextDecoder', 'TextEncoder', 'URL',
].map((name) => [name, 'readonly']));

export default [
  js.configs.recommended,
  {
    rules: {
      'no-control-regex': 'off', // the first bytes of a file are matched
      'eqeqeq': 'error',
      'no-shadow': 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'max-len': ['error', { code: 130, ignoreRegExpLiterals: true, ignoreStrings: true, ignoreTemplateLiterals: true }],
    },
  },
  { files: ['static-site/**/*.js'], rules: { 'no-undef': 'off' } }, // tsc knows the browser's names better
  { files: ['tests/**/*.mjs'], languageOptions: { globals: { ...NODE, ...BOTH } } },
];
