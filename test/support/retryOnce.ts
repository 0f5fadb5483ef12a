import { jest } from '@jest/globals';

// A busy build machine may be slower than any wait that a test can afford. There a test that failed is run once more, with
// its first failure printed; on a developer's machine it fails at once.
if (process.env['CI'] === 'true') jest.retryTimes(1, { logErrorsBeforeRetry: true });
