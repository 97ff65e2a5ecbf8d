// Discord: each text in which Discord reads Markdown is parsed by
// npm discord-markdown-parser, in the form that messages of bots and webhooks have.
import { parse } from 'discord-markdown-parser';
import { judge, hides } from './lines.mjs';

// These are the nodes that mention somebody, or that Discord replaces by its own.
const alive = new Set(['user', 'channel', 'role', 'everyone', 'here', 'emoji', 'timestamp', 'slashCommand', 'guildNavigation']);

function texts(body) {
  const all = [['content', body.content ?? '']];
  for (const [i, embed] of (body.embeds ?? []).entries()) {
    all.push([`embeds/${i}/title`, embed.title ?? ''], [`embeds/${i}/description`, embed.description ?? '']);
    for (const [j, field] of (embed.fields ?? []).entries()) {
      all.push([`embeds/${i}/fields/${j}/name`, field.name], [`embeds/${i}/fields/${j}/value`, field.value]);
    }
  }

  return all;
}

function plain(nodes) {
  return [nodes].flat().map((n) => (typeof n.content === 'string' ? n.content : n.content ? plain(n.content) : '')).join('');
}

function walk(nodes, visit) {
  for (const node of [nodes].flat()) {
    visit(node);
    if (typeof node.content === 'object') walk(node.content, visit);
  }
}

judge(({ body }, fault) => {
  if (body.auto_archive_duration) return; // a thread, whose name is plain text
  if (body.allowed_mentions?.parse?.length !== 0) fault('allowed_mentions/parse is not empty');

  for (const [path, text] of texts(body)) {
    walk(parse(text, 'extended'), (node) => {
      if (alive.has(node.type)) fault(`${path}: ${node.type} is alive: ${JSON.stringify(node)}`);
      if (node.type === 'link' && hides(plain(node.content), node.target)) fault(`${path}: ${plain(node.content)} hides ${node.target}`);
    });
  }
});
