/**
 * What every page does alike: in each animation frame it takes the window of every series that changed since the last, as its charts would.
 *
 * `view(device)` gives `{ t, v }`; `changed(device)` is called by whatever knows of new points. What was read is kept, so that no engine can
 * leave the work out.
 */
export function show(devices, view) {
  const due = new Set();
  const page = { frames: 0, drawn: 0, checksum: 0 };
  globalThis.page = page;
  globalThis.endState = () =>
    Object.fromEntries(
      devices.map(device => {
        const { t, v } = view(device) ?? { t: [], v: [] };
        return [device, { t: [...t], v: [...v] }];
      }),
    );
  const draw = () => {
    page.frames += 1;
    for (const device of due) {
      const { t, v } = view(device);
      page.drawn += 1;
      page.checksum += v[v.length - 1] + t[0];
    }
    due.clear();
    requestAnimationFrame(draw);
  };
  requestAnimationFrame(draw);
  return { changed: device => void due.add(device) };
}
