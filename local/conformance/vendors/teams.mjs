// Teams: each card is parsed and validated by Microsoft's own library (npm
// adaptivecards), and each form of a card is rendered by it, all in one window of
// jsdom, which takes most of the time.
import { JSDOM } from 'jsdom';
import { form, judge } from './lines.mjs';

const { window } = new JSDOM('<!doctype html><body></body>');
// The renderer looks for the classes of a browser among the globals.
for (const name of Object.getOwnPropertyNames(window).filter((n) => /^(window|document|Node|Element|Event|\w+Event|HTML\w+)$/.test(n))) {
  globalThis[name] ??= window[name];
}
// jsdom has no innerText.
Object.defineProperty(window.HTMLElement.prototype, 'innerText', {
  set(text) {
    this.textContent = text;
  },
});
const { default: library } = await import('adaptivecards/dist/adaptivecards.js');
const { AdaptiveCard, SerializationContext, Version, ValidationEvent } = library;

// Teams' own Markdown is not part of the package.
AdaptiveCard.onProcessMarkdown = (text, result) => {
  result.outputHtml = text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  result.didProcess = true;
};

// cards are those of a message, or the message itself where it is a bare card.
function cards(body) {
  return body.type === 'AdaptiveCard' ? [body] : body.attachments.map((a) => a.content);
}

const texts = new Set(['text', 'title', 'url', 'id', 'fallbackText']);
const rendered = new Set();

judge(({ body }, fault) => {
  const all = cards(body);
  if (all.length !== 1) fault(`${all.length} cards`);

  for (const json of all) {
    const context = new SerializationContext(Version.parse(json.version, new SerializationContext()));
    const card = new AdaptiveCard();
    card.parse(json, context);
    for (let i = 0; i < context.eventCount; i++) {
      const event = context.getEventAt(i);
      fault(`parse: ${ValidationEvent[event.event]}: ${event.message}`);
    }

    for (const event of card.validateProperties().validationEvents) {
      fault(`validate: ${ValidationEvent[event.event]}: ${event.message}`);
    }

    const look = JSON.stringify(form(json, (key) => texts.has(key)));
    if (rendered.has(look)) continue;
    rendered.add(look);
    const shown = card.render();
    if (!shown?.textContent) fault('render: nothing is shown');
    if (shown?.querySelector('img')) fault('render: a picture is loaded');
  }
});
