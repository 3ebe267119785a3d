//! One WebSocket with its handlers; dropped, it lets go of the handlers and closes.

use crate::driver::Driver;
use pulsewire_client_core::{Conn, Input};
use pulsewire_protocol::SUBPROTOCOL_CBOR;
use std::rc::Weak;
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, CloseEvent, Event, MessageEvent, WebSocket};

/// Opens sockets at one address.
pub(crate) struct Opener {
    url: String,
    constructor: Option<js_sys::Function>,
}

impl Opener {
    pub(crate) fn new(url: String, constructor: Option<js_sys::Function>) -> Self {
        Self { url, constructor }
    }
    /// Whether its sockets are the page's own.
    pub(crate) fn is_browsers(&self) -> bool {
        self.constructor.is_none()
    }
    /// Throws where the address, the page's security policy or the constructor does not allow a socket.
    fn open(&self) -> Result<WebSocket, JsValue> {
        match &self.constructor {
            None => WebSocket::new_with_str(&self.url, SUBPROTOCOL_CBOR),
            Some(constructor) => {
                let arguments = js_sys::Array::of2(&JsValue::from_str(&self.url), &JsValue::from_str(SUBPROTOCOL_CBOR));
                js_sys::Reflect::construct(constructor, &arguments).map(JsCast::unchecked_into)
            }
        }
    }
}

pub(crate) struct Socket {
    conn: Conn,
    socket: WebSocket,
    _listeners: [Closure<dyn Fn(Event)>; 3],
}

/// What a socket tells.
#[derive(Clone, Copy)]
enum News {
    Opened,
    Message,
    Closed,
}

impl Socket {
    pub(crate) fn open(opener: &Opener, conn: Conn, driver: &Weak<Driver>) -> Result<Self, JsValue> {
        let socket = opener.open()?;
        socket.set_binary_type(BinaryType::Arraybuffer);

        // One kind of closure for all three, because each kind costs bytes; what a socket passes as the event it may shape itself.
        let listener = |news| {
            let to = driver.clone();
            Closure::<dyn Fn(Event)>::new(move |event: Event| {
                let Some(driver) = to.upgrade() else { return };
                match news {
                    News::Opened => driver.handle(Input::Opened { conn }),
                    News::Message => driver.handle_frame(conn, &event.unchecked_into::<MessageEvent>().data()),
                    News::Closed => {
                        let event: CloseEvent = event.unchecked_into();
                        driver.handle_closed(conn, event.code(), &event.reason());
                    }
                }
            })
        };
        let listeners = [News::Opened, News::Message, News::Closed].map(listener);
        let [opened, message, closed] = &listeners;
        // `onerror` says nothing that `onclose` does not say after it.
        socket.set_onopen(Some(opened.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(closed.as_ref().unchecked_ref()));
        Ok(Self { conn, socket, _listeners: listeners })
    }

    pub(crate) fn conn(&self) -> Conn {
        self.conn
    }

    /// The socket itself, to call it while nothing is borrowed.
    pub(crate) fn handle(&self) -> WebSocket {
        self.socket.clone()
    }

    /// Closes with this code; the core has done with it, so a refusal changes nothing.
    pub(crate) fn close(self, code: u16) {
        self.let_go();
        let _ = self.socket.close_with_code(code);
    }

    fn let_go(&self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.let_go();
        // Closing twice does nothing.
        let _ = self.socket.close();
    }
}

/// Sends a copy: a socket written in JavaScript may keep what it is given, and the wasm's memory moves on.
pub(crate) fn send(socket: &WebSocket, bytes: &[u8]) -> Result<(), JsValue> {
    socket.send_with_array_buffer(&js_sys::Uint8Array::from(bytes).buffer())
}
