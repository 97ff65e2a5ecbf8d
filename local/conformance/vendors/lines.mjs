// What all validators share: they read one message a line, and write one fault a
// line.
import { createInterface } from 'node:readline';

// judge reads messages ({what, provider, body}) from standard input and calls
// check(message, fault) for each. At the end it calls finish(fault), and says how
// many messages it has read, so that a reader can tell a full run from a part of one.
export async function judge(check, finish = () => {}) {
  const write = (what, error) => process.stdout.write(JSON.stringify({ what, error }) + '\n');
  let read = 0;

  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    const message = JSON.parse(line);
    read++;
    try {
      check(message, (error) => write(message.what, error));
    } catch (err) {
      write(message.what, `the validator failed: ${err.stack}`);
    }
  }

  finish(write);
  process.stdout.write(JSON.stringify({ read }) + '\n');
}

// hides says whether the text of a link shows the address of another host than the
// one that the link leads to.
export function hides(text, target) {
  const shown = text.replace(/[\u200b\u2060]/g, '').match(/(?:https?:\/\/|www\.)[^\s<>"'()[\]…]+/gi) ?? [];
  const leads = host(target);

  return shown.some((address) => host(address) !== leads);
}

function host(address) {
  const whole = /^https?:/i.test(address) ? address : `https://${address}`;
  try {
    return new URL(whole).host.replace(/^www\./, '');
  } catch {
    return whole;
  }
}

// form is a message without what people wrote: the texts in members for which isText
// says so are one letter, and of the elements of a list each form stands once.
export function form(value, isText, key) {
  if (typeof value === 'string') return value && isText(key) ? 'x' : value;
  if (Array.isArray(value)) {
    return [...new Map(value.map((v) => form(v, isText, key)).map((v) => [JSON.stringify(v), v])).values()];
  }
  if (value === null || typeof value !== 'object') return value;

  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, form(v, isText, k)]));
}
