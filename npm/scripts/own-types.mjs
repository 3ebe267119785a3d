// Cuts Lit out of the published types: it is bundled, so an app has no `lit` to find them in.
//
// Without this every app without `skipLibCheck` fails to compile, and with it the elements lose what they inherit of `HTMLElement`.
// What stands here in Lit's place is all of it that an app may use of an element; the packaging tests compile against the result.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const LIT = `/** What the elements' types need of Lit, which the package carries inside. */
export declare class LitElement extends HTMLElement {
  /** Resolves once the element shows its newest state. */
  readonly updateComplete: Promise<boolean>;
  requestUpdate(): void;
  connectedCallback(): void;
  disconnectedCallback(): void;
  protected willUpdate(changed: PropertyValues): void;
  protected firstUpdated(changed: PropertyValues): void;
  protected updated(changed: PropertyValues): void;
  protected render(): unknown;
}
export type PropertyDeclarations = Readonly<Record<string, unknown>>;
export type PropertyValues = Map<PropertyKey, unknown>;
export type CSSResult = object;
export type CSSResultOrNative = object;
export type CSSResultGroup = object;
export type TemplateResult = object;
`;

/** Makes every `.d.ts` below `folder` independent of Lit. */
export function ownTypes(folder) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.name.endsWith('.d.ts')) continue;
    const file = join(entry.parentPath, entry.name);
    const text = readFileSync(file, 'utf8');
    const up = relative(entry.parentPath, join(folder, 'lit.js')).replaceAll('\\', '/');
    const own = text.replace(
      /(from |import\()(['"])lit\2/g,
      (_, how, quote) => `${how}${quote}${up.startsWith('.') ? up : `./${up}`}${quote}`,
    );
    if (/['"](lit|lit-html|@lit\/)/.test(own)) throw new Error(`${file} names a part of Lit that own-types.mjs does not know`);
    if (own !== text) writeFileSync(file, own);
  }
  writeFileSync(join(folder, 'lit.d.ts'), LIT);
}
