// Documents and kit in English.
import type { papersVi } from './papers.vi';

export const papersEn: typeof papersVi = {
  documents: 'Documents',
  kit: 'Campaign kit',
  which: 'Document',
  names: {
    letter: 'Reminder letter',
    report: 'Monthly report',
    launch: 'Launch letter',
    bulletin: 'One-page bulletin',
  },
  fields: {
    number: 'Number and sign',
    date: 'Day of issue',
    authority: 'In whose name',
    title: 'Title of who signs',
    signer: 'Name of who signs',
  },
  examples: {
    number: '3879/UBND-VHTT',
    date: '2024-12-06',
    authority: 'KT. CHỦ TỊCH',
    title: 'PHÓ CHỦ TỊCH',
    signer: 'Nguyễn Văn A',
  },
  blank:
    'What is left empty the records clerk fills in. Nothing is numbered, dated or signed here.',
  preview: 'Preview',
  open: 'Open in a new tab',
  code: 'QR code',
  codeOf: (link) => `QR code that leads to ${link}`,
  poster: 'A4 poster',
  posterFile: 'Download the poster (PDF)',
  post: 'Post, 1080 × 1080',
  words: { zalo: 'Zalo message', facebook: 'Facebook post', loudspeaker: 'Loudspeaker text' },
  copy: 'Copy',
  copied: 'Copied',
};
