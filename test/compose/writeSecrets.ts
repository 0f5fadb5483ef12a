import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of secret files as SECRETS_DIR wants it, readable by the users of the containers. */
export function writeSecrets({ brokerPassword, adminKey, headerToken }: { brokerPassword: string; adminKey: string; headerToken: string }): string {
  const folder = mkdtempSync(join(tmpdir(), 'gleaner-compose-secrets-'));
  chmodSync(folder, 0o755);
  const amqp = { amqp_url: `amqp://gleaner:${brokerPassword}@rabbitmq:5672` };
  const files: Record<string, Record<string, string>> = {
    rabbitmq: { rabbitmq_password: brokerPassword },
    setup: amqp, scheduler: amqp, storage: amqp, playback: {},
    collector: { ...amqp, secret_header_token: headerToken },
    gateway: { ...amqp, admin_key: adminKey },
  };
  for (const [service, secrets] of Object.entries(files)) {
    mkdirSync(join(folder, service));
    for (const [name, text] of Object.entries(secrets)) writeFileSync(join(folder, service, name), `${text}\n`);
  }
  return folder;
}
