#!/bin/sh
# Starts the broker as its image does. Its password may come from a file: images since RabbitMQ 3.9 refuse RABBITMQ_DEFAULT_PASS_FILE,
# and what stands in the container's environment is shown by `docker inspect`.
file=/run/secrets/rabbitmq_password
if [ -s "$file" ]; then
  RABBITMQ_DEFAULT_PASS=$(cat "$file")
  export RABBITMQ_DEFAULT_PASS
fi
if command -v docker-entrypoint.sh >/dev/null; then exec docker-entrypoint.sh rabbitmq-server; fi
# Debian's wrapper on the PATH would become another user, who may not write to the volume.
if [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ]; then exec /usr/lib/rabbitmq/bin/rabbitmq-server; fi
exec rabbitmq-server
