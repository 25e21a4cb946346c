/* A model as the part of a link behind its #: packed, so that no server is asked. */
"use strict";

const Links = (() => {
  const MOST = 400000;  // bytes of a model, as the server's guard has it

  const toText = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_");
  const toBytes = (text) => Uint8Array.from(
    atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));

  /* The bytes after `transform`, or an error where they are more than a model has. */
  async function through(bytes, transform) {
    const reader = new Blob([bytes]).stream().pipeThrough(transform).getReader();
    const parts = [];
    let length = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.length;
      if (length > MOST) { await reader.cancel(); throw new RangeError("more than a model has"); }
      parts.push(value);
    }
    return new Uint8Array(await new Blob(parts).arrayBuffer());
  }

  const made = async (text) =>
    "#m=" + toText(await through(new TextEncoder().encode(text), new CompressionStream("deflate-raw")));

  /* The model that a link carries; null where it carries none, undefined where it is damaged. */
  async function read(hash) {
    if (!hash.startsWith("#m=")) return null;
    try {
      const bytes = await through(toBytes(hash.slice(3)), new DecompressionStream("deflate-raw"));
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      return undefined;
    }
  }

  return { MOST, made, read };
})();
