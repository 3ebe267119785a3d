/**
 * What an app with a plain event client writes for itself: the newest points of each series, always contiguous and in order.
 *
 * As good as it gets in JavaScript: typed arrays, each point written twice a capacity apart, so a window is one `subarray` without a copy.
 * Times are checked for order, since late and doubled points are part of what a chart must bear; they do not occur in this stream.
 */
class Ring {
  constructor(capacity) {
    this.capacity = capacity;
    this.t = new Float64Array(capacity * 2);
    this.v = new Float64Array(capacity * 2);
    this.next = 0;
    this.length = 0;
    this.newest = Number.NEGATIVE_INFINITY;
  }
  push(t, v) {
    const { capacity } = this;
    for (let i = 0; i < t.length; i += 1) {
      const at = t[i];
      if (!(at > this.newest)) continue;
      this.newest = at;
      this.t[this.next] = at;
      this.t[this.next + capacity] = at;
      this.v[this.next] = v[i];
      this.v[this.next + capacity] = v[i];
      this.next = (this.next + 1) % capacity;
      if (this.length < capacity) this.length += 1;
    }
  }
  view() {
    const start = this.length < this.capacity ? 0 : this.next;
    return { t: this.t.subarray(start, start + this.length), v: this.v.subarray(start, start + this.length) };
  }
}

/** All series of a page, by device and metric. */
export class Rings {
  #capacity;
  #devices = new Map();
  constructor(capacity) {
    this.#capacity = capacity;
  }
  take({ deviceId, series }) {
    let metrics = this.#devices.get(deviceId);
    if (metrics === undefined) {
      metrics = new Map();
      this.#devices.set(deviceId, metrics);
    }
    for (const metric in series) {
      let ring = metrics.get(metric);
      if (ring === undefined) {
        ring = new Ring(this.#capacity);
        metrics.set(metric, ring);
      }
      ring.push(series[metric].t, series[metric].v);
    }
  }
  view(device, metric) {
    return this.#devices.get(device)?.get(metric)?.view();
  }
}
