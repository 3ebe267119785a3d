/** A frame as a WebSocket gives it: a text, or a buffer of its own. */
export const asReceived = frame => (typeof frame === 'string' ? frame : frame.buffer.slice(frame.byteOffset, frame.byteOffset + frame.byteLength));
