// GitHub: each text is parsed by cmark-gfm, GitHub's own parser, which
// the system has or has not. It shows its tree as XML.
import { spawnSync } from 'node:child_process';
import { judge } from './lines.mjs';
import { lookAtText } from './rules.mjs';

const extensions = ['table', 'strikethrough', 'autolink', 'tasklist'].flatMap((name) => ['-e', name]);
const entities = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&amp;': '&' };

function unescaped(xml) {
  return xml.replace(/&(?:lt|gt|quot|amp);/g, (entity) => entities[entity]);
}

// The program writes one node a line, and children between the lines of their
// parent; only texts go over several lines.
const node = /<(text|html_inline|html_block|link)\b([^>]*)>([^<]*)|<\/(link)>/g;

function partsOf(xml) {
  const parts = [];
  let link = null;
  for (const [, name, attributes, content, end] of xml.matchAll(node)) {
    const text = unescaped(content ?? '');
    const target = unescaped(/destination="([^"]*)"/.exec(attributes ?? '')?.[1] ?? '');
    if (end) link = null;
    else if (name === 'link') parts.push((link = { link: target, shows: '' }));
    else if (name === 'text' && link) link.shows += text;
    else if (name === 'text') parts.push({ text });
    else parts.push({ html: text });
  }

  return parts;
}

judge(({ provider, hosts, links, body }, fault) => {
  const text = body.body ?? body.description;
  if (text === undefined) return;

  const { stdout, status } = spawnSync('cmark-gfm', [...extensions, '-t', 'xml'], { input: text, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (status !== 0) return fault(`cmark-gfm ended with ${status}`);
  const last = /<(\w+)[^>]*>([^<]*)<\/\w+>\s*<\/document>\s*$/.exec(stdout);
  lookAtText({ parts: partsOf(stdout), last: last?.[1] === 'html_block' ? unescaped(last[2]) : (last?.[1] ?? ''), provider, hosts, links }, fault);
});
