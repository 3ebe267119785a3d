/** The gallery's elements of people and jobs, each in its states: filled, empty, loading, could not be loaded, refused. */
import { PulsewireError } from '../../src/errors.js';
import { FakeClient } from '../fake-client.js';

type Section = (title: string, wide?: boolean) => HTMLElement;
type Row = (parent: HTMLElement, className?: string) => HTMLElement;
type Add = (parent: HTMLElement, tag: string, attributes: Record<string, string>, client: FakeClient) => HTMLElement;

const fails = (code: 'internal' | 'forbidden') => () => {
  throw new PulsewireError({ code, message: code });
};
/** Once the elements are there and have drawn. */
const later = (run: () => void): void => void customElements.whenDefined('pulsewire-toasts').then(() => setTimeout(run, 300));
const never = () => new Promise(() => {});

function connected(answers: Record<string, (params: never) => unknown> = {}): FakeClient {
  const client = new FakeClient();
  for (const [method, answer] of Object.entries(answers)) client.answers.set(method, answer);
  client.setConnection({ state: 'connected', everConnected: true, connectionId: 'c1', user: 'ana' });
  return client;
}

export async function people(section: Section, row: Row, add: Add, { pt, now }: { pt: boolean; now: number }): Promise<void> {
  if (new URLSearchParams(location.search).get('only') === 'people') document.querySelector('main')!.replaceChildren();
  const say = (en: string, ptBR: string): string => (pt ? ptBR : en);
  const notes = [
    {
      id: 'n1',
      title: say('Shift change at 19:00', 'Troca de turno às 19h'),
      body: say('Bed 4 has new notes.', 'O leito 4 tem observações novas.'),
      severity: 'low',
      ts: now - 40_000,
      read: false,
    },
    {
      id: 'n2',
      title: say('Lab results are ready', 'Resultados do laboratório prontos'),
      body: 'Ana Lima',
      severity: 'high',
      ts: now - 600_000,
      read: false,
    },
    {
      id: 'n3',
      title: say('Ventilator check is due', 'Revisão do ventilador pendente'),
      body: '',
      severity: 'medium',
      ts: now - 7_200_000,
      read: true,
    },
  ];
  const list =
    (items: unknown[], next: unknown = null) =>
    () => ({ items, unread: 12, next });

  const bells = row(section('pulsewire-bell'));
  bells.style.minHeight = '420px';
  bells.style.alignItems = 'flex-start';
  bells.style.justifyContent = 'space-between';
  add(bells, 'pulsewire-bell', { align: 'start' }, connected({ 'notifications.list': list([]) }));
  const opened = add(bells, 'pulsewire-bell', {}, connected({ 'notifications.list': list(notes, 1) }));
  // Over a phone's page it would lie over everything else.
  if (window.innerWidth > 480) setTimeout(() => opened.setAttribute('open', ''), 300);

  add(section('pulsewire-notifications'), 'pulsewire-notifications', {}, connected({ 'notifications.list': list(notes, 1) }));
  const states = section('pulsewire-notifications: empty, loading, failed, not connected');
  for (const answer of [list([]), never, fails('internal')])
    add(row(states, 'stack'), 'pulsewire-notifications', { 'no-header': '' }, connected({ 'notifications.list': answer }));
  add(row(states, 'stack'), 'pulsewire-notifications', { 'no-header': '' }, new FakeClient());

  const alert = (id: string, severity: string, message: string, over: object = {}) => ({
    id,
    patientId: 'p1',
    patientName: 'Ana Lima',
    type: 'vital',
    severity,
    message,
    ts: now - 90_000,
    read: false,
    state: 'active',
    ...over,
  });
  const desk = connected({
    'alerts.list': () => ({
      items: [
        alert('a', 'critical', say('Oxygen saturation under 85 %', 'Saturação abaixo de 85 %')),
        alert('b', 'high', say('Heart rate over 130', 'Frequência cardíaca acima de 130'), {
          state: 'acknowledged',
          acknowledgedBy: 'Rui Costa',
          read: true,
          patientName: 'John Carter',
        }),
        alert('c', 'low', say('Battery at 20 %', 'Bateria em 20 %'), { read: true, patientName: 'Lúcia Ferreira' }),
      ],
      unread: 1,
      next: null,
    }),
    'alerts.resolve': fails('forbidden'),
  });
  const panel = add(section('pulsewire-alerts: with what became of them, one action refused'), 'pulsewire-alerts', {}, desk);
  later(() => panel.shadowRoot?.querySelector<HTMLElement>('.resolve')?.click());

  const day = 86_400_000;
  const sessions = [
    { deviceId: 'd1', startedAt: now - 34 * 60_000 },
    { deviceId: 'd1', startedAt: now - day, endedAt: now - day + 7_200_000 },
  ];
  const usage = row(section('pulsewire-usage'), 'stack');
  const used = (items: unknown[], compliance?: number) => connected({ 'sessions.list': () => ({ items, compliance }) });
  add(usage, 'pulsewire-usage', { 'patient-id': 'p1' }, used(sessions, 0.86));
  add(usage, 'pulsewire-usage', { 'patient-id': 'p2', days: '30' }, used(sessions.slice(1), 0.61));
  add(usage, 'pulsewire-usage', { 'patient-id': 'p3' }, used([], 0.24));
  add(usage, 'pulsewire-usage', { 'patient-id': 'p4' }, connected({ 'sessions.list': fails('internal') }));
  add(usage, 'pulsewire-usage', { 'patient-id': 'p5' }, connected());

  const jobs = row(section('pulsewire-execution'), 'stack');
  const job = (id: string, over: object) => {
    const execution = { executionId: id, status: 'running', progress: 0, attempt: 1, ts: now, ...over };
    add(
      jobs,
      'pulsewire-execution',
      { 'execution-id': id, label: say('Weekly team report', 'Relatório semanal da equipe') },
      connected({ 'executions.get': () => execution }),
    );
  };
  job('e1', {
    log: [{ ts: now, level: 'info', text: 'begun' }],
    progress: 0.42,
    step: say('Reading 40 records', 'Lendo 40 prontuários'),
  });
  job('e2', { status: 'succeeded', progress: 1, step: say('Written', 'Gravado') });
  job('e3', {
    status: 'failed',
    progress: 0.6,
    attempt: 3,
    step: say('Step 3 of 5', 'Passo 3 de 5'),
    error: {
      code: 'timeout',
      message: say('The records server did not answer', 'O servidor de prontuários não respondeu'),
      detail: 'GET /records/40 → 504\nafter 30000 ms',
    },
  });
  job('e4', { status: 'retrying', progress: 0, attempt: 2 });
  add(jobs, 'pulsewire-execution', { 'execution-id': 'e5', label: 'e5' }, connected());

  const small = row(section('pulsewire-presence, pulsewire-typing'), 'stack');
  const ward = connected();
  ward.presence.set([{ userId: 'rui', name: 'Rui Costa' }]);
  ward.typing.set([
    { conversationId: 'c1', userId: 'rui', name: 'Rui Costa' },
    { conversationId: 'c2', userId: 'rui', name: 'Rui Costa' },
    { conversationId: 'c2', userId: 'ann', name: 'Ann Lee' },
    ...['a', 'b', 'c'].map(userId => ({ conversationId: 'c3', userId, name: userId })),
  ]);
  const dots = row(small);
  add(dots, 'pulsewire-presence', { 'user-id': 'rui', label: '' }, ward);
  add(dots, 'pulsewire-presence', { 'user-id': 'ann', label: '' }, ward);
  add(dots, 'pulsewire-presence', { 'user-id': 'rui', label: '' }, new FakeClient());
  add(dots, 'pulsewire-presence', { 'user-id': 'rui' }, ward);
  for (const id of ['c1', 'c2', 'c3']) add(small, 'pulsewire-typing', { 'conversation-id': id }, ward);

  add(section('pulsewire-toast-settings'), 'pulsewire-toast-settings', {}, ward);

  const message = (n: number, own: boolean, content: string, status?: string) => ({
    id: `m${n}`,
    content,
    sender: own ? 'nurse' : 'patient',
    senderName: own ? 'Ana Lima' : 'Rui Costa',
    ts: now - (20 - n) * 3_600_000,
    ...(status && { status }),
  });
  const said = [
    message(1, false, say('Good morning, how was the night?', 'Bom dia, como foi a noite?')),
    message(2, true, say('Quiet. The mask leaked once at 3.', 'Tranquila. A máscara vazou uma vez às 3h.'), 'read'),
    message(18, false, say('The alarm rang again.\nShould I change the filter?', 'O alarme tocou de novo.\nTroco o filtro?')),
    message(18.2, false, say('It says “low flow”.', 'Aparece “fluxo baixo”.')),
    message(19, true, say('Yes, please. I am on my way to bed 4.', 'Sim, por favor. Estou indo para o leito 4.'), 'delivered'),
  ];
  const talk = (extra: Record<string, (params: never) => unknown> = {}) =>
    connected({ 'conversations.messages': () => ({ items: [...said].reverse(), next: 1 }), ...extra });
  const attributes = { 'conversation-id': 'c1', sender: 'nurse', 'sender-name': 'Ana Lima' };
  const live = talk();
  live.typing.set([{ conversationId: 'c1', userId: 'rui', name: 'Rui Costa' }]);
  live.outbox.set([
    {
      id: 'o1',
      channel: 'conversation:c1',
      event: 'message_new',
      data: {
        conversationId: 'c1',
        message: { clientId: 'x', content: say('Two minutes.', 'Dois minutos.'), sender: 'nurse', senderName: 'Ana Lima', ts: now },
      },
      queuedAt: now,
      state: 'queued',
    },
  ]);
  add(section('pulsewire-conversation'), 'pulsewire-conversation', { ...attributes, label: 'One' }, live);
  const scrolled = talk({
    'conversations.messages': () => ({
      items: [...said, ...said.map(one => ({ ...one, id: `b${one.id}`, ts: one.ts - 9e7 }))].reverse(),
      next: null,
    }),
  });
  const above = add(
    section('pulsewire-conversation: scrolled up, new ones came'),
    'pulsewire-conversation',
    { ...attributes, label: 'Two' },
    scrolled,
  );
  later(() => {
    above.shadowRoot?.querySelector('.list')?.scrollTo(0, 60);
    setTimeout(() => scrolled.messages('c1').set([message(19.5, false, 'OK'), message(19.6, false, '!')] as never), 200);
  });
  const rest = section('pulsewire-conversation: empty, failed, read-only', true);
  const three = row(rest);
  three.style.alignItems = 'stretch';
  for (const [answer, more] of [
    [() => ({ items: [], next: null }), {}],
    [fails('internal'), {}],
    [never, { 'read-only': '' }],
  ] as const) {
    const one = add(
      three,
      'pulsewire-conversation',
      { ...attributes, ...more, label: `Three ${three.children.length}` },
      connected({ 'conversations.messages': answer }),
    );
    one.style.cssText = 'flex: 1 1 280px; --pw-conversation-height: 260px';
  }
}
