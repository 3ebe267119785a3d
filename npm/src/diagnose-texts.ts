/** What `diagnose()` says: for each finding what is wrong, and how to mend it. English and Brazilian Portuguese. */

import type { DiagnosisCode } from './types.js';

type DiagnosisTexts = Readonly<Record<DiagnosisCode, readonly [summary: string, mend: string]>>;

const en: DiagnosisTexts = {
  ok: ['The connection is fine.', ''],
  slow: ['Connected, but the connection is slow or unsteady.', 'Check the network; move closer to the access point, or use a cable.'],
  polling: ['Connected by HTTP only: data come with a delay.', 'Let WebSocket through the proxy or firewall; it is tried again by itself.'],
  reconnecting: ['The connection was lost; it is being restored.', 'Wait: the next try starts by itself.'],
  not_started: ['The client is not connected and not trying to.', 'Call connect().'],
  offline: ['This device has no network.', 'Check its cable, Wi-Fi or flight mode.'],
  url_invalid: ['The relay’s address cannot be used.', 'Correct the option url.'],
  url_insecure: ['A page loaded by https may not use ws://.', 'Use wss:// in the option url.'],
  token_unavailable: ['The application gave no token.', 'Look at what getToken does: it failed or took too long.'],
  token_missing: ['The token is empty.', 'Sign in again; getToken must return the token as text.'],
  token_malformed: ['What getToken returns is no token.', 'Return the bare JWT: three parts with dots between, without “Bearer”.'],
  token_expired: ['The token has ended.', 'Sign in again; getToken must return a fresh token.'],
  token_refused: ['The relay refuses the token.', 'Check that it is signed with the relay’s key and made for this relay.'],
  clock_skew: ['The clock of this device is wrong.', 'Set its date and time, best automatically.'],
  websocket_blocked: [
    'The relay answers by HTTP, but WebSocket is blocked.',
    'Let WebSocket (Upgrade) through the proxy or firewall, and name this page’s origin in the relay’s origins.',
  ],
  relay_unreachable: ['The relay cannot be reached.', 'Check the address, that the relay runs, and that no firewall is between.'],
  subprotocol_refused: [
    'The WebSocket opens, but not with pulsewire.v1.cbor.',
    'Check that the address leads to a pulsewire relay, and that no proxy removes Sec-WebSocket-Protocol.',
  ],
  forbidden: ['The relay does not allow this client.', 'Ask the administrator: the origin or the user is not allowed.'],
};

const pt: DiagnosisTexts = {
  ok: ['A conexão está bem.', ''],
  slow: ['Conectado, mas a conexão está lenta ou instável.', 'Verifique a rede; aproxime-se do ponto de acesso ou use um cabo.'],
  polling: [
    'Conectado apenas por HTTP: os dados chegam com atraso.',
    'Libere WebSocket no proxy ou firewall; ele é tentado de novo sozinho.',
  ],
  reconnecting: ['A conexão caiu e está sendo restabelecida.', 'Aguarde: a próxima tentativa começa sozinha.'],
  not_started: ['O cliente não está conectado nem tentando conectar.', 'Chame connect().'],
  offline: ['Este dispositivo está sem rede.', 'Verifique o cabo, o Wi-Fi ou o modo avião.'],
  url_invalid: ['O endereço do relay não pode ser usado.', 'Corrija a opção url.'],
  url_insecure: ['Uma página carregada por https não pode usar ws://.', 'Use wss:// na opção url.'],
  token_unavailable: ['A aplicação não forneceu um token.', 'Verifique o getToken: ele falhou ou demorou demais.'],
  token_missing: ['O token está vazio.', 'Entre novamente; getToken deve devolver o token como texto.'],
  token_malformed: ['O que getToken devolve não é um token.', 'Devolva apenas o JWT: três partes separadas por pontos, sem “Bearer”.'],
  token_expired: ['O token expirou.', 'Entre novamente; getToken deve devolver um token novo.'],
  token_refused: ['O relay recusa o token.', 'Verifique se ele foi assinado com a chave do relay e feito para este relay.'],
  clock_skew: ['O relógio deste dispositivo está errado.', 'Acerte a data e a hora, de preferência automaticamente.'],
  websocket_blocked: [
    'O relay responde por HTTP, mas o WebSocket está bloqueado.',
    'Libere WebSocket (Upgrade) no proxy ou firewall, e inclua a origem desta página em origins do relay.',
  ],
  relay_unreachable: ['O relay não pode ser alcançado.', 'Verifique o endereço, se o relay está no ar e se não há um firewall no caminho.'],
  subprotocol_refused: [
    'O WebSocket abre, mas não com pulsewire.v1.cbor.',
    'Verifique se o endereço leva a um relay pulsewire e se nenhum proxy remove Sec-WebSocket-Protocol.',
  ],
  forbidden: ['O relay não permite este cliente.', 'Fale com o administrador: a origem ou o usuário não tem permissão.'],
};

export function diagnosisTexts(lang: string): DiagnosisTexts {
  return lang.toLowerCase().startsWith('pt') ? pt : en;
}
