/** axe in a page: what keeps somebody from using it. */
import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';

const source = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

async function run(page) {
  await page.evaluate(source);
  return page.evaluate((runOnly) => window.axe.run(document, { runOnly }), RULES);
}
const line = ({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target.join(' ')} (${failureSummary})`).join(' | ')}`;

/** Violations that are serious or critical, a line each. */
export async function seriousOf(page) {
  const { violations } = await run(page);
  return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(line);
}

/** Runs in the page: makes every text's ground one colour. */
function flatten() {
  const sheet = new CSSStyleSheet();
  // Coloured edges are pseudo elements, and what is unread fades from its soft colour into the surface: it is judged on the former all over.
  sheet.replaceSync('*::before, *::after { content: none !important } .new { background: var(--_soft) !important }');
  const visit = (root) => {
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
    for (const element of root.querySelectorAll('*')) if (element.shadowRoot) visit(element.shadowRoot);
  };
  visit(document);
}

/**
 * All violations, whatever their impact, and how the colours were judged: `checked` texts have enough contrast, `unsure` are those that axe cannot
 * judge, a line each.
 */
export async function lookedAt(page) {
  await page.evaluate(flatten);
  const { violations, passes, incomplete } = await run(page);
  const of = (results) => results.filter(({ id }) => id === 'color-contrast').flatMap(({ nodes }) => nodes);
  return {
    violations: violations.map(line),
    checked: of(passes).length,
    unsure: of(incomplete).map(({ target, any }) => `${target.join(' ')}: ${any.map(({ message }) => message).join(' ')}`),
  };
}
