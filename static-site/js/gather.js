// Finds the request files among several files, in zip archives, and in folders. Loaded only for these.
import { PREFIX_BYTES, latin1, readFiles } from './request-file.js';
import { BadZip, readZip } from './zip.js';

/** Request files at a time. */
const MAX_FILES = 200;
/** Files looked at in one folder or archive. */
const MAX_LOOKED = 1000;
const MAX_DEPTH = 8;
/** What systems add by themselves; `./` only says where a folder is. */
const HIDDEN = /(?:^|[/\\])(?:\.(?!\.?[/\\])|__MACOSX[/\\])/;

/**
 * Every request once, and each file that should be one; one alone as if it had been chosen alone. In an archive or folder,
 * files of other kinds are left alone.
 * @param {(File | FileSystemEntry)[]} sources
 * @returns {Promise<RequestFile | FileProblem | { rows: (RequestFile | BadFile)[] }>}
 */
export async function gather(sources) {
  /** @type {Map<string, RequestFile | BadFile>} */
  const byContent = new Map();
  /** @type {File[]} */
  const responses = [];
  try {
    for await (const { file, isInside } of filesOf(sources)) {
      const result = await readFiles([file]);
      if ('sources' in result) continue; // an archive in an archive
      if ('problem' in result && isResponse(result)) responses.push(file);
      if ('request' in result) byContent.set(latin1(result.bytes), byContent.get(latin1(result.bytes)) ?? result);
      else if (isInside && (isResponse(result) || !isMeantAsRequest(file, result))) continue;
      else byContent.set(`${byContent.size} ${file.name}`, { name: file.name, problem: result.problem });
      if (byContent.size > MAX_FILES) return { problem: 'too-many-files' };
    }
  } catch (error) {
    if (error instanceof DOMException) return { problem: 'not-read' }; // for example a folder on a drive that is gone
    if (!(error instanceof BadZip)) throw error;
    return { problem: error.code };
  }
  const rows = [...byContent.values()];
  if (responses.length && rows.every((row) => 'problem' in row && isResponse(row))) {
    return { problem: 'response', responses: { files: responses, name: sources.length === 1 ? sources[0].name : '' } };
  }
  if (rows.length > 1) return { rows };
  return rows[0] ?? { problem: 'none-inside' };
}

/** @param {FileProblem} result */
const isResponse = ({ problem }) => problem === 'response';

/**
 * @param {File} file
 * @param {FileProblem} result
 */
const isMeantAsRequest = ({ name }, { problem }) =>
  (/\.request$/i.test(name) || ['damaged', 'unsupported-version'].includes(problem));

/**
 * @param {(File | FileSystemEntry)[]} sources
 * @returns {AsyncGenerator<{ file: File, isInside: boolean }, void, void>}
 */
async function* filesOf(sources) {
  for (const source of sources) {
    if (!(source instanceof File)) yield* filesInEntry(source);
    else if (await isZip(source)) yield* filesInZip(source);
    else yield { file: source, isInside: false };
  }
}

/** @param {File} file */
async function isZip(file) {
  return 'sources' in await readFiles([file]);
}

/** @param {File} archive */
async function* filesInZip(archive) {
  for await (const { name, bytes } of readZip(archive, { maxFiles: MAX_LOOKED, maxBytes: PREFIX_BYTES })) {
    if (!HIDDEN.test(name)) yield { file: new File([bytes], name.replace(/^.*[/\\]/, '')), isInside: true };
  }
}

/**
 * The files of a dropped entry, also in the archives of a folder.
 * @param {FileSystemEntry} dropped
 */
async function* filesInEntry(dropped) {
  const entries = [{ entry: dropped, depth: 0 }];
  for (let looked = 0; entries.length; looked += 1) {
    if (looked > MAX_LOOKED) throw new BadZip('too-many-files');
    const { entry, depth } = /** @type {typeof entries[number]} */ (entries.shift());
    if (HIDDEN.test(entry.name) && depth > 0) continue;
    if (entry.isDirectory) {
      const children = depth < MAX_DEPTH ? await childrenOf(/** @type {FileSystemDirectoryEntry} */ (entry)) : [];
      entries.push(...children.map((child) => ({ entry: child, depth: depth + 1 })));
      continue;
    }
    const file = await fileOf(/** @type {FileSystemFileEntry} */ (entry));
    if (await isZip(file)) yield* filesInZip(file);
    else if (file.size <= PREFIX_BYTES || depth === 0) yield { file, isInside: depth > 0 };
  }
}

/**
 * @param {FileSystemFileEntry} entry
 * @returns {Promise<File>}
 */
const fileOf = (entry) => new Promise((resolve, reject) => { entry.file(resolve, reject); });

/**
 * Browsers give a hundred at a time, until there are no more.
 * @param {FileSystemDirectoryEntry} folder
 */
async function childrenOf(folder) {
  const reader = folder.createReader();
  /** @type {FileSystemEntry[]} */
  const children = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (some.length === 0 || children.length > MAX_LOOKED) return children;
    children.push(...some);
  }
}
