// Slack: the messages are compiled as TypeScript against Slack's own types
// (npm @slack/types). A type says nothing about what a text holds, so texts are cut
// to one letter first, and each form of a message is compiled once.
import ts from 'typescript';
import { form, hides, judge } from './lines.mjs';

// The values of these members are part of the form.
const literal = new Set(['type', 'style', 'event_type']);
const isText = (key) => !literal.has(key);

const forms = new Map();

// Texts are read by Slack as mrkdwn; the text of rich_text is not.
const command = /<[!@#]/;
const rich = new Set(['user', 'usergroup', 'team', 'channel', 'broadcast', 'emoji', 'date', 'color']);

function walk(value, visit) {
  if (value === null || typeof value !== 'object') return;
  visit(value);
  for (const child of Object.values(value)) walk(child, visit);
}

function look({ body }, fault) {
  if (command.test(body.text ?? '')) fault(`text: ${body.text.match(command)[0]} is alive`);
  walk(body, (v) => {
    if (v.type === 'mrkdwn' && command.test(v.text)) fault(`mrkdwn: ${v.text.match(command)[0]} is alive`);
    if (rich.has(v.type)) fault(`${v.type} is alive`);
    if (v.type === 'link' && hides(v.text ?? '', v.url)) fault(`${v.text} hides ${v.url}`);
    if (v.type === 'image') fault('an image is loaded');
  });
}

function collect(message, fault) {
  look(message, fault);
  const { blocks, attachments, metadata } = message.body;
  const text = JSON.stringify(form({ blocks, attachments, metadata }, isText));
  if (!forms.has(text)) forms.set(text, message.what);
}

// compile gives the errors of a program that declares each form as a message.
function compile(write) {
  const head =
    `import type { KnownBlock, MessageAttachment, MessageMetadata } from '@slack/types';\n` +
    `type Message = { blocks?: KnownBlock[]; metadata?: MessageMetadata; attachments?: (Omit<MessageAttachment, 'blocks'> & { blocks?: KnownBlock[] })[] };\n` +
    `declare function take(m: Message): void;\n`;
  const whats = [...forms.values()];
  const source = head + [...forms.keys()].map((text) => `take(${text});`).join('\n');

  const path = new URL('messages.ts', import.meta.url).pathname;
  const options = { noEmit: true, strict: true, skipLibCheck: true, types: [], lib: ['lib.es2022.d.ts'], module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16 };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (name) => name === path || fileExists(name);
  host.readFile = (name) => (name === path ? source : readFile(name));
  host.getSourceFile = (name, ...rest) => (name === path ? ts.createSourceFile(name, source, ts.ScriptTarget.ES2022) : getSourceFile(name, ...rest));

  for (const found of ts.getPreEmitDiagnostics(ts.createProgram([path], options, host))) {
    const line = found.file?.fileName === path ? found.file.getLineAndCharacterOfPosition(found.start).line - head.split('\n').length + 1 : -1;
    write(whats[line] ?? 'the program', ts.flattenDiagnosticMessageText(found.messageText, ' '));
  }
}

judge(collect, compile);
