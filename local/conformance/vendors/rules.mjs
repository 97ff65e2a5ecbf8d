// What must not be in an issue's text at GitHub and GitLab. The text is a list of
// parts, as a Markdown parser sees them: {text} outside code, {html} and
// {link, shows}, and the last part of the document. Pictures and the schemes of
// links are left to the providers, which check both.
import { hides } from './lines.mjs';

// Both act on these in text that is no code, after Markdown is rendered.
const alive = {
  github: [/(?:^|[^\p{L}\p{N}_`/])@[a-z0-9]/iu, /(?:^|[^\p{L}\p{N}_&])#[0-9]/u, /(?:^|[^\p{L}\p{N}_])GH-[0-9]/iu, /\/[\w.-]{1,100}#[0-9]/],
  gitlab: [
    /(?:^|[^\p{L}\p{N}_`/])@[a-z0-9]/iu, /(?:^|[^\p{L}\p{N}_&])#[0-9]/u, /\/[\w.-]{1,100}[#!&%$][0-9]/,
    /(?:^|[^\p{L}\p{N}_])[!&$%][0-9]/u, /(?:^|[^\p{L}\p{N}_])GL-[0-9]/iu, /(?:^|[^\p{L}\p{N}_~])~["\p{L}\p{N}_]/u,
  ],
};

// An address of an issue, a change, a discussion or a commit becomes a reference.
const crossReference = {
  github: /^https?:\/\/(?:www\.)?[^/]+\/[^/]+\/[^/]+\/(?:issues|pull|discussions|commit)\/\w/i,
  gitlab: /^https?:\/\/(?:www\.)?[^/]+\/.+\/-\/(?:issues|work_items|merge_requests|epics|commit|milestones|snippets)\/\w/i,
};

const marker = /^<!-- integrations:\S+ -->\s*$/;
const harmless = /^<\/?(?:b|i|del|ins|code|sub|sup|details|summary|br|kbd)\s*\/?>$/i;

// lookAtText judges the parts of a body of provider, at a server of the given hosts.
// Links 'as written' may show another address: people wrote them so.
export function lookAtText({ parts, last, provider, hosts, links }, fault) {
  if (!marker.test(last)) fault(`the marker is not the last part of the document: ${last}`);
  if (parts.filter((p) => p.html && marker.test(p.html)).length !== 1) fault('there is not one marker');

  for (const part of parts) {
    if (part.text !== undefined) lookForReferences(part.text, provider, fault);
    if (part.html !== undefined && !marker.test(part.html)) lookAtTags(part.html, fault);
    if (part.link !== undefined) lookAtLink(part, { provider, hosts, links }, fault);
  }
}

function lookForReferences(text, provider, fault) {
  for (const expression of alive[provider]) {
    const found = text.match(expression);
    if (found) fault(`${JSON.stringify(found[0])} is alive in ${JSON.stringify(around(text, found))}`);
  }
  if (text.includes('<!--')) fault(`a comment is shown: ${JSON.stringify(text.slice(0, 80))}`);
}

function around(text, found) {
  return text.slice(Math.max(0, found.index - 30), found.index + 40);
}

function lookAtTags(html, fault) {
  if (html.includes('<!--')) fault(`a comment: ${html.slice(0, 80)}`);
  for (const tag of html.match(/<[^>]*>?/g) ?? []) {
    if (!harmless.test(tag)) fault(`a tag: ${tag.slice(0, 80)}`);
  }
}

function lookAtLink({ link, shows }, { provider, hosts, links }, fault) {
  if (links !== 'as written' && hides(shows, link)) fault(`${shows} hides ${link}`);
  const to = /^https?:\/\/(?:www\.)?([^/]+)/i.exec(link)?.[1].toLowerCase();
  if (hosts.includes(to) && crossReference[provider].test(link)) fault(`${link} becomes a reference`);
}
