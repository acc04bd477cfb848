// Prints what the page says of every request in docs/vectors: null, or the problem.
import { readFileSync } from 'node:fs';
import { readRequest } from '../../../static-site/js/request-file.js';

const { vectors } = JSON.parse(readFileSync(new URL('../../../docs/vectors/requests.json', import.meta.url)));
const problems = vectors.map(({ name, file }) => [name, readRequest(Buffer.from(file, 'base64')).problem ?? null]);
console.log(JSON.stringify(Object.fromEntries(problems)));
