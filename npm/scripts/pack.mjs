// `npm pack` into <repo>/target/npm/pulsewire.tgz: what the demo and the packaging tests install.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const npm = dirname(dirname(fileURLToPath(import.meta.url)));
const to = join(dirname(npm), 'target/npm');
mkdirSync(to, { recursive: true });
// They stand once, in the repository's root; npm packs no links.
for (const licence of ['LICENSE-MIT', 'LICENSE-APACHE']) copyFileSync(join(dirname(npm), licence), join(npm, licence));
const packed = spawnSync('npm', ['pack', '--json', '--ignore-scripts', `--pack-destination=${to}`], {
  cwd: npm,
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
});
if (packed.status !== 0) throw new Error(`npm pack ended with ${packed.status}`);
const answer = JSON.parse(packed.stdout);
// npm 11 answers with a list, later ones with an object by package name.
const entry = Array.isArray(answer) ? answer[0] : Object.values(answer)[0];
const tarball = join(to, 'pulsewire.tgz');
renameSync(join(to, entry.filename), tarball);
console.log(`${tarball}: ${statSync(tarball).size} bytes, ${entry.files.length} files`);
