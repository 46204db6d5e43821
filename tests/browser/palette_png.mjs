// A screenshot with at most 256 colours: of pages nobody sees the difference, and it is a third.

import { deflateSync } from "node:zlib";

function crc32(octets) {
  let crc = -1;
  for (const octet of octets) {
    crc ^= octet;
    for (let bit = 0; bit < 8; ++bit) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

function chunk(type, data) {
  const content = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const out = Buffer.alloc(content.length + 8);
  out.writeUInt32BE(data.length);
  content.copy(out, 4);
  out.writeUInt32BE(crc32(content), content.length + 4);
  return out;
}

/** The 256 most frequent colours. */
function paletteOf(pixels) {
  const counts = new Map();
  for (const colour of pixels) counts.set(colour, (counts.get(colour) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).slice(0, 256).map(([colour]) => colour);
}

const parts = (colour) => [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];

function nearest(palette, colour) {
  const [r, g, b] = parts(colour);
  let best = 0;
  let least = Infinity;
  palette.forEach((other, i) => {
    const [x, y, z] = parts(other);
    const distance = (r - x) ** 2 + (g - y) ** 2 + (b - z) ** 2;
    if (distance < least) [best, least] = [i, distance];
  });
  return best;
}

/** `page`: any page of a browser, which reads the PNG. */
export async function palettePng(page, png) {
  const { width, height, rgba } = await page.evaluate(async (base64) => {
    const blob = await (await fetch(`data:image/png;base64,${base64}`)).blob();
    const image = await createImageBitmap(blob);
    const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
    canvas.drawImage(image, 0, 0);
    const { data } = canvas.getImageData(0, 0, image.width, image.height);
    let text = "";
    for (let i = 0; i < data.length; i += 32768) text += String.fromCharCode(...data.subarray(i, i + 32768));
    return { width: image.width, height: image.height, rgba: btoa(text) };
  }, png.toString("base64"));
  const octets = Buffer.from(rgba, "base64");
  const pixels = new Uint32Array(octets.buffer, octets.byteOffset, width * height).map((colour) => colour & 0xffffff);
  const palette = paletteOf(pixels);
  const indices = new Map(palette.map((colour, i) => [colour, i]));
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; ++y) {
    for (let x = 0; x < width; ++x) {
      const colour = pixels[y * width + x];
      if (!indices.has(colour)) indices.set(colour, nearest(palette, colour));
      rows[y * (width + 1) + 1 + x] = indices.get(colour);
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", head),
    chunk("PLTE", Buffer.from(palette.flatMap(parts))),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}
