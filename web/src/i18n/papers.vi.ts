// Documents and kit in Vietnamese.

export const papersVi = {
  documents: 'Văn bản',
  kit: 'Bộ tài liệu tuyên truyền',
  which: 'Văn bản',
  names: {
    letter: 'Công văn đôn đốc',
    report: 'Báo cáo tháng',
    launch: 'Công văn triển khai',
    bulletin: 'Bản tin một trang',
  },
  fields: {
    number: 'Số, ký hiệu',
    date: 'Ngày ban hành',
    authority: 'Quyền hạn',
    title: 'Chức vụ người ký',
    signer: 'Họ và tên người ký',
  },
  examples: {
    number: '3879/UBND-VHTT',
    date: '2024-12-06',
    authority: 'KT. CHỦ TỊCH',
    title: 'PHÓ CHỦ TỊCH',
    signer: 'Nguyễn Văn A',
  },
  blank: 'Trường để trống: văn thư điền khi phát hành. Hệ thống không tự lấy số, đề ngày hay ký.',
  preview: 'Xem trước',
  open: 'Mở trong thẻ mới',
  code: 'Mã QR',
  codeOf: (link: string): string => `Mã QR dẫn đến ${link}`,
  poster: 'Áp phích A4',
  posterFile: 'Tải áp phích (PDF)',
  post: 'Bài đăng 1080 × 1080',
  words: { zalo: 'Tin nhắn Zalo', facebook: 'Bài đăng Facebook', loudspeaker: 'Bài phát loa' },
  copy: 'Sao chép',
  copied: 'Đã chép',
};
