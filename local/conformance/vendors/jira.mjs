// Jira Cloud: each document is held against the JSON schema of Atlassian's Document
// Format (npm @atlaskit/adf-schema).
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import Ajv from 'ajv';
import { judge, hides } from './lines.mjs';

const file = createRequire(import.meta.url).resolve('@atlaskit/adf-schema/dist/json-schema/v1/full.json');
const schema = JSON.parse(readFileSync(file, 'utf8'));
// The schema says draft 4, and uses nothing in which draft 7 differs.
delete schema.$schema;
const valid = new Ajv.default({ strict: false }).compile(schema);

// These are the nodes that mention somebody, load something or show what is behind
// an address.
const alive = new Set(['mention', 'emoji', 'inlineCard', 'blockCard', 'embedCard', 'media', 'mediaInline', 'extension', 'inlineExtension', 'bodiedExtension']);

function walk(node, visit) {
  visit(node);
  for (const child of node.content ?? []) walk(child, visit);
}

// The description is a member of a new issue, and the value of a change.
function description(body) {
  return body.fields?.description ?? body.update?.description?.[0]?.set;
}

judge(({ links, body }, fault) => {
  const doc = description(body);
  if (!doc) return;

  if (!valid(doc)) {
    const deepest = valid.errors.reduce((a, b) => (b.instancePath.length > a.instancePath.length ? b : a));
    fault(`schema: ${deepest.instancePath} ${deepest.message}`);
  }
  walk(doc, (node) => {
    if (alive.has(node.type)) fault(`${node.type} is alive`);
    const link = node.marks?.find((m) => m.type === 'link');
    if (link && links !== 'as written' && hides(node.text, link.attrs.href)) fault(`${node.text} hides ${link.attrs.href}`);
  });
});
