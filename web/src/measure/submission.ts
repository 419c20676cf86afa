// A finished test as it is sent, and as it is remembered here.
import type { Context, Submission } from '../api/schema';
import type { Remembered } from '../queue/delivery';
import type { Measured } from './message';

export function submissionOf(
  { session, receipt, observed, used }: Measured,
  context: Context,
): [Submission, Omit<Remembered, 'delivery'>] {
  const download = observed.download?.goodput_bits_per_second;
  const upload = observed.upload?.goodput_bits_per_second;
  const line = {
    test_id: session.test_id,
    measured_at: context.measured_at,
    ...(download !== undefined && { download }),
    ...(upload !== undefined && { upload }),
    used_bytes: used,
  };
  return [{ submission: '1', receipt, nonce: session.nonce, observed, context }, line];
}
