/**
 * A modal dialog of the page (`<dialog>`, `showModal()`) makes everything outside it inert: it cannot be clicked, and no screen reader hears
 * what live regions outside it say. An alert must be heard all the same, so its words are said inside the dialog, too.
 *
 * The region stands in the dialog a moment before its words come, because one that is inserted together with them is often not read; it goes
 * when the dialog closes. Limit: what is modal without `<dialog>` (`aria-modal` alone) hides the rest of the page by itself.
 */
const KNOWN_MS = 150;
/** Texts that stay in a region. */
const MOST = 5;

/** The modal dialog that has the page now, where the element stands outside it. */
export function modalOver(element: Element): HTMLDialogElement | undefined {
  let over: HTMLDialogElement | undefined;
  try {
    over = [...document.querySelectorAll<HTMLDialogElement>('dialog:modal')].at(-1);
    // It holds the focus: upwards from there one is found in a shadow tree, too.
    let focus = document.activeElement;
    while (focus?.shadowRoot?.activeElement) focus = focus.shadowRoot.activeElement;
    over = above(focus, at => at.closest<HTMLDialogElement>('dialog:modal')) ?? over;
  } catch {
    // A browser that does not know `:modal`.
  }
  return over && above(element, at => over.contains(at)) ? undefined : over;
}

/** The first answer on the way up through shadow trees. */
function above<T>(element: Element | null, look: (at: Element) => T): T | undefined {
  for (let at = element; at; at = (at.getRootNode() as Partial<ShadowRoot>).host ?? null) {
    const found = look(at);
    if (found) return found;
  }
  return undefined;
}

/** Says in the open dialog what an element outside it says. */
export function sayInModal(from: Element, words: string, urgent: boolean): void {
  const dialog = modalOver(from);
  if (!dialog || !words.trim()) return;
  const role = urgent ? 'alert' : 'status';
  let region = dialog.querySelector<HTMLElement>(`[data-pulsewire=${role}]`);
  if (!region) {
    const made = document.createElement('div');
    made.role = role;
    made.ariaAtomic = 'false';
    made.dataset.pulsewire = role;
    // Read, not seen.
    made.style.cssText = 'position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)';
    dialog.append(made);
    dialog.addEventListener('close', () => made.remove(), { once: true });
    region = made;
  }
  const to = region;
  setTimeout(() => {
    const said = document.createElement('p');
    said.textContent = words;
    to.append(said);
    if (to.childElementCount > MOST) to.firstElementChild?.remove();
  }, KNOWN_MS);
}
