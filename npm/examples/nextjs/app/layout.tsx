import type { Metadata } from 'next';
import { connection } from 'next/server';
import type { ReactNode } from 'react';
import { Live } from './live';
import './ward.css';

export const metadata: Metadata = { title: 'Ward', icons: { icon: 'data:,' } };

export default async function Layout({ children }: { children: ReactNode }) {
  // The relay's address is read when the page is asked for, not when it is built.
  await connection();
  return (
    <html lang="en">
      <body>
        <Live url={process.env.PULSEWIRE_URL ?? 'ws://127.0.0.1:8080/ws'}>{children}</Live>
      </body>
    </html>
  );
}
