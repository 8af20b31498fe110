/** The types and the class have the same members. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { WebRTCAdaptor } from "./fakes.mjs";

const HERE = new URL(".", import.meta.url);
const read = (path) => readFile(new URL(path, HERE), "utf8");

/** Names of members of the class in the declarations, overloads once. */
async function declared() {
  const text = await read("../../static/js/webrtc_adaptor.d.ts");
  const body = text.slice(text.indexOf("declare class"), text.indexOf("declare namespace"));
  const names = body.matchAll(/^ {2}(?:readonly )?(?!static|constructor)(\w+)(?=[(:])/gm);
  return [...new Set([...names].map(([, name]) => name))].sort();
}

test("every public member is declared, and no other", async () => {
  const members = Object.getOwnPropertyNames(WebRTCAdaptor.prototype)
    .filter((name) => name !== "constructor").sort();

  assert.ok(members.length > 70);
  assert.deepEqual(await declared(), members);
});

test("every public member is in the manual", async () => {
  const manual = await read("../../docs/javascript.md");

  assert.deepEqual((await declared()).filter((name) => !manual.includes(`\`${name}`)), []);
});

test("every word that a callback gets is declared and in the manual", async () => {
  const [source, types, manual] = await Promise.all([
    read("../../static/js/webrtc_adaptor.js"), read("../../static/js/webrtc_adaptor.d.ts"),
    read("../../docs/javascript.md"),
  ]);
  const told = [...source.matchAll(/[nN]otify\(\s*"(\w+)"/g)].map(([, word]) => word)
    .concat([...source.matchAll(/attemptInfo = "(\w+)"/g)].map(([, word]) => word));
  assert.ok(told.length > 15);

  for (const word of told) {
    assert.ok(types.includes(`"${word}"`), `${word} is not declared`);
    assert.ok(manual.includes(`\`${word}\``), `${word} is not in the manual`);
  }
});

test("the options of the class are those declared", async () => {
  const [source, types] = await Promise.all([
    read("../../static/js/webrtc_adaptor.js"), read("../../static/js/webrtc_adaptor.d.ts"),
  ]);
  const body = types.slice(types.indexOf("interface Options"), types.indexOf("interface MediaConstraints"));
  const names = [...body.matchAll(/^ {4}(\w+)\?:/gm)].map(([, name]) => name);
  assert.ok(names.length > 15);

  const unused = names.filter((name) => !source.includes(name));
  assert.deepEqual(unused, ["sdp_constraints"]); // accepted, not needed
});
