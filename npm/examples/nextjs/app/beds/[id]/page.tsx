import Link from 'next/link';
import { Bed } from './bed';

export default async function Page({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;
  return (
    <main>
      <h1>{id}</h1>
      <Bed id={id} />
      <Link href="/">All beds</Link>
    </main>
  );
}
