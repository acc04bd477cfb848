// Files of 64 KB that would take a careless pattern minutes; exits with 1 for any that takes half a second.
import { PREFIX_BYTES, emailProblem, findSecret, readRequest } from '../../../static-site/js/request-file.js';
import { repairFile } from '../../../static-site/js/repair.js';

const UNITS = [
  ' ', '\t', '\r\n', '\0', 'a', '0', '-', '0-', '{', '[', '"', '\\', 'A:', 'A: \r\n', 'A:\r\n ', 'A:\r', 'X-Y: z\n\t z\n',
  '"payloadType" ', '"payloadType":', '"payloadType"  :  "application/vnd.keyferry.', '<?xml ', '<?xml >', '<?xml <key>', 'PK\x03\x04',
  'PK\x03\x04word', '%PDF', '\xd0\xcf\x11\xe0', '_\0_\0s\0u\0b\0', 'From a', '000.', '000 ', 'aaaaaa-', 'aaaaaa ', 'a@', 'a.', '[', '😀', '\u202e',
  '\\"', '{"payload":', '{ "payload" :', '&amp;', '&#1', '<a ', '=3D', '=\n', '> ', '#r=', '#r=AQ ', 'AQEC\n', 'a\n', 'a'.repeat(40) + '\n', '\u200b',
];
const HEADS = ['', ' ', '{', '{"payload', 'PK\x03\x04', '\xd0\xcf\x11\xe0', '<?xml ', '[InternetShortcut', 'bplist00', '\xff\xfe', 'Subject', '"payloadType":"application/vnd.keyferry.request.v1+json"'];
const bytes = (text) => new TextEncoder().encode(text).subarray(0, PREFIX_BYTES);
const slow = [];

async function timed(name, work) {
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  const took = (user + system) / 1000;
  if (took > 500) slow.push(`${JSON.stringify(name)}: ${Math.round(took)} ms`);
}

for (const head of HEADS) {
  for (const unit of UNITS) {
    const file = bytes(head + unit.repeat(PREFIX_BYTES / unit.length));
    await timed([head, unit], () => readRequest(file, PREFIX_BYTES));
    await timed([head, unit, 'short'], () => readRequest(file.subarray(0, 4000), 4000));
    if (HEADS.indexOf(head) < 3) await timed([head, unit, 'repaired'], () => repairFile(file));
  }
}
for (const unit of UNITS) {
  await timed(['address', unit], () => emailProblem(unit.repeat(254)));
  await timed(['pasted', unit], () => findSecret(unit.repeat(4000)));
}
console.log(slow.join('\n'));
process.exitCode = slow.length ? 1 : 0;
