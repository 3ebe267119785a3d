/** The errors that the client throws: each has a `code` to branch on, and says whether trying again can help. */

import type { PulsewireErrorBody, PulsewireErrorCode } from './types.js';

/** Anything that went wrong in a request, in the use of the client, or in loading it. */
export class PulsewireError extends Error implements PulsewireErrorBody {
  override readonly name: string = 'PulsewireError';
  readonly code: PulsewireErrorCode;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  readonly retryAfterMs?: number;

  constructor(body: { code: PulsewireErrorCode; message: string; retryable?: boolean; retryAfterMs?: number }, options?: ErrorOptions) {
    super(body.message, options);
    this.code = body.code;
    this.retryable = body.retryable ?? false;
    if (body.retryAfterMs !== undefined) this.retryAfterMs = body.retryAfterMs;
  }
}

/** The page's Content Security Policy forbids WebAssembly. */
export class WasmBlockedError extends PulsewireError {
  override readonly name = 'WasmBlockedError';
  constructor(cause: unknown) {
    super(
      {
        code: 'wasm_blocked',
        message: "the page's Content Security Policy forbids WebAssembly: add 'wasm-unsafe-eval' to its script-src",
      },
      { cause },
    );
  }
}

/** The WebAssembly could not be loaded. */
export class WasmLoadError extends PulsewireError {
  override readonly name = 'WasmLoadError';
  constructor(message: string, cause: unknown) {
    super({ code: 'wasm_load_failed', message, retryable: true }, { cause });
  }
}
