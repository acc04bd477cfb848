// Serves a folder over HTTP/2 with brotli, as CloudFront does: http2-site.mjs FOLDER KEY CERTIFICATE. Prints its port,
// then a line of JSON for each response: its path, its connection and the bytes of its body.
import { readFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { extname, join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';

const TYPES = { '.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript', '.json': 'application/json' };
const [folder, key, cert] = process.argv.slice(2);
const connections = [];

const server = createSecureServer({ key: readFileSync(key), cert: readFileSync(cert) });
server.on('session', (session) => connections.push(session));
server.on('stream', (stream, { ':path': path }) => {
  const name = path === '/' ? 'index.html' : path.slice(1);
  const body = brotliCompressSync(readFileSync(join(folder, name)));
  console.log(JSON.stringify({ name, connection: connections.indexOf(stream.session), bytes: body.length }));
  stream.respond({ ':status': 200, 'content-type': TYPES[extname(name)], 'content-encoding': 'br' });
  stream.end(body);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
