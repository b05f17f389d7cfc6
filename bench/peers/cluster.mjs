// SPDX-License-Identifier: Apache-2.0
// As many processes as cores behind one free port of loopback, for the servers beside this file.
//
// Environment: BENCH_PACKAGES, the folder with node_modules; BENCH_ORIGIN, http://host:port of the
// originals; BENCH_READY_FILE, which gets {"url", "about"} when all processes listen.
import cluster from 'node:cluster';
import { renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

export const requireOf = createRequire(join(process.env.BENCH_PACKAGES, 'package.json'));
export const origin = process.env.BENCH_ORIGIN;

// What a package says of itself; some do not export their package.json.
export function versionOf(name) {
  return requireOf(join(process.env.BENCH_PACKAGES, 'node_modules', name, 'package.json')).version;
}

// `listener` takes (request, response), as http.createServer does.
export function serve(about, listener) {
  if (!cluster.isPrimary) {
    const server = createServer(listener);
    server.keepAliveTimeout = 75_000;
    server.listen(0, '127.0.0.1');
    return;
  }
  const count = availableParallelism();
  let listening = 0;
  for (let i = 0; i < count; ++i) cluster.fork();
  cluster.on('exit', () => process.exit(1));
  cluster.on('listening', (worker, address) => {
    if (++listening < count) return;
    const ready = { url: `http://127.0.0.1:${address.port}`, about: `${about}, ${count} processes` };
    writeFileSync(`${process.env.BENCH_READY_FILE}.part`, JSON.stringify(ready));
    renameSync(`${process.env.BENCH_READY_FILE}.part`, process.env.BENCH_READY_FILE);
  });
  process.on('SIGTERM', () => {
    cluster.removeAllListeners('exit');
    for (const worker of Object.values(cluster.workers)) worker.process.kill('SIGTERM');
    process.exit(0);
  });
}
