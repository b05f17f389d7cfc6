// SPDX-License-Identifier: Apache-2.0
// ipx as its own command line serves it, over HTTP originals, in as many processes as cores. Two
// settings are not its defaults, so that all servers make the same: JPEGs are not progressive, and
// libvips has one thread a picture.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { origin, requireOf, serve, versionOf } from './cluster.mjs';

const folder = join(process.env.BENCH_PACKAGES, 'node_modules', 'ipx');
const { createIPX, createIPXNodeServer, ipxHttpStorage } = await import(
  pathToFileURL(join(folder, 'dist', 'index.mjs')));
const { createRequire } = await import('node:module');
const sharp = createRequire(join(folder, 'package.json'))('sharp');  // its own copy
sharp.cache(false);
sharp.concurrency(1);

const ipx = createIPX({
  httpStorage: ipxHttpStorage({ domains: [new URL(origin).hostname] }),
  maxAge: 0,
  sharpOptions: { jpegProgressive: false },
});
const listener = createIPXNodeServer(ipx);

serve(
  `node ${process.versions.node}, ipx ${versionOf('ipx')}, sharp ` +
    `${requireOf(join(folder, 'node_modules', 'sharp', 'package.json')).version}, libvips ` +
    `${sharp.versions.vips}, concurrency 1, baseline JPEG`,
  (request, response) => {
    // A quality asks sharp for a palette; the others write true colour.
    request.url = request.url.replace('/f_png,q_80,', '/f_png,');
    return listener(request, response);
  });
