#!/bin/sh
# Exits 0 where the broker takes AMQP connections and has no alarm that would block publishers. Through the management
# API, because each rabbitmq-diagnostics starts an Erlang machine (2 s of a core); it serves where there is no bash.
if ! command -v bash >/dev/null; then
  exec sh -c 'rabbitmq-diagnostics -q check_port_listener 5672 && rabbitmq-diagnostics -q check_local_alarms'
fi
if [ -s /run/secrets/rabbitmq_password ]; then RABBITMQ_DEFAULT_PASS=$(cat /run/secrets/rabbitmq_password) && export RABBITMQ_DEFAULT_PASS; fi
exec timeout 5 bash -c '
  exec 4<>/dev/tcp/127.0.0.1/5672 || exit 1
  exec 3<>/dev/tcp/127.0.0.1/15672 || exit 1
  printf "GET /api/health/checks/local-alarms HTTP/1.0\r\nAuthorization: Basic %s\r\n\r\n" "$(printf %s "$RABBITMQ_DEFAULT_USER:$RABBITMQ_DEFAULT_PASS" | base64 -w 0)" >&3
  read -r _ status _ <&3
  [ "$status" = 200 ]'
