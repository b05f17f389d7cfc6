// SPDX-License-Identifier: Apache-2.0
// The small server that most people write: node and sharp, originals over kept-alive connections,
// nothing cached. GET /<fit|fill>/<format>/<effort>/<width>/<height>/<path at the origin>; effort is
// that of WebP.
//
// Like the others it answers at the asked quality, 4:2:0, with optimised Huffman tables, no
// metadata, colours in sRGB, turned upright, PNG at compression 6: sharp's defaults.
import { Agent, get } from 'node:http';

import { origin, requireOf, serve, versionOf } from './cluster.mjs';

const sharp = requireOf('sharp');
sharp.cache(false);
sharp.concurrency(1);

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const quality = 80;

function original(path) {
  return new Promise((resolve, reject) => {
    get(`${origin}/${path}`, { agent }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () => {
        if (answer.statusCode === 200) resolve(Buffer.concat(parts));
        else reject(new Error(`the origin answered ${answer.statusCode}`));
      });
    }).on('error', reject);
  });
}

function variant(bytes, operation, format, effort, width, height) {
  const options =
    operation === 'fill'
      ? { width, height, fit: 'cover' }
      : { width, withoutEnlargement: true };
  const picture = sharp(bytes).autoOrient().resize(options);
  if (format === 'webp') return picture.webp({ quality, effort }).toBuffer();
  if (format === 'png') return picture.png({ compressionLevel: 6 }).toBuffer();
  return picture.jpeg({ quality, chromaSubsampling: '4:2:0', optimiseCoding: true }).toBuffer();
}

const form = /^\/(fit|fill)\/(jpeg|webp|png)\/([0-6])\/(\d+)\/(\d+)\/(.+)$/;

serve(
  `node ${process.versions.node}, sharp ${versionOf('sharp')}, libvips ${sharp.versions.vips}, ` +
    'concurrency 1, no cache',
  async (request, response) => {
    const parts = form.exec(request.url);
    if (parts === null) {
      response.writeHead(404).end();
      return;
    }
    const [, operation, format, effort, width, height, path] = parts;
    try {
      const bytes = await variant(
        await original(path), operation, format, Number(effort), Number(width), Number(height));
      response.writeHead(200, { 'Content-Type': `image/${format}`, 'Content-Length': bytes.length });
      response.end(bytes);
    } catch (error) {
      response.writeHead(500, { 'Content-Type': 'text/plain' }).end(String(error));
    }
  });
