// esbuild plugin: takes the white space out of the elements' css`…` and html`…` templates, which esbuild leaves alone because they are strings.
//
// Every file is minified by itself first; after that a line break can only stand inside a template. In html`…` it becomes one space, which
// a browser draws the same; in css`…` the space around punctuation goes too. No template holds preformatted text.
import { readFile } from 'node:fs/promises';
import { transform } from 'esbuild';

export const minifyTemplates = {
  name: 'minify-templates',
  setup(build) {
    build.onLoad({ filter: /[\\/]src[\\/]elements[\\/].*\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const { code } = await transform(source, {
        loader: 'ts',
        target: 'es2022',
        minifyWhitespace: true,
        tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
      });
      return { contents: code.replace(/css`([^`]*)`/g, (_, css) => `css\`${minifyCss(css)}\``).replace(/\n\s*/g, ' '), loader: 'js' };
    });
  },
};

function minifyCss(css) {
  return css
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\s+/g, ' ')
    .replace(/ ?([{};,]) ?/g, '$1')
    .replace(/([{;][a-z_-]+): /g, '$1:')
    .replace(/;}/g, '}')
    .trim();
}
