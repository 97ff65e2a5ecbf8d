// GitHub and GitLab: each text is parsed by remark with GitHub's extensions (npm
// remark-parse, remark-gfm).
import remarkGfm from 'remark-gfm';
import remarkParse from 'remark-parse';
import { unified } from 'unified';
import { judge } from './lines.mjs';
import { lookAtText } from './rules.mjs';

const parser = unified().use(remarkParse).use(remarkGfm).freeze();

function plain(node) {
  return node.value ?? (node.children ?? []).map(plain).join('');
}

// partsOf lists what is outside code. The texts beside each other are one.
function partsOf(node, parts = []) {
  switch (node.type) {
    case 'code':
    case 'inlineCode':
      break;
    case 'text':
      parts.push({ text: node.value });
      break;
    case 'html':
      parts.push({ html: node.value });
      break;
    case 'link':
      parts.push({ link: node.url, shows: plain(node) });
      break;
    default:
      for (const child of node.children ?? []) partsOf(child, parts);
  }

  return parts;
}

// command finds a quick action of GitLab: a line outside code that begins with one.
function command(text, tree) {
  let outside = text;
  const blank = (node) => {
    if (node.type === 'code') {
      const { start, end } = node.position;
      outside = outside.slice(0, start.offset) + ' '.repeat(end.offset - start.offset) + outside.slice(end.offset);
    }
    for (const child of node.children ?? []) blank(child);
  };
  blank(tree);

  return /^[ \t]*\/[a-z_]+/m.exec(outside);
}

judge(({ provider, hosts, links, body }, fault) => {
  const text = body.body ?? body.description;
  if (text === undefined) return;

  const tree = parser.parse(text);
  const found = provider === 'gitlab' && command(text, tree);
  if (found) fault(`${found[0]} is alive`);
  const end = tree.children.at(-1);
  lookAtText({ parts: partsOf(tree), last: end?.type === 'html' ? end.value : (end?.type ?? ''), provider, hosts, links }, fault);
});
