#!/bin/bash
# The entry point of the stand-in: the environment of the usual cassandra image, into the files that Cassandra reads.
set -euo pipefail

conf=/etc/cassandra
own=$(hostname --ip-address | cut -d' ' -f1)
: "${CASSANDRA_LISTEN_ADDRESS:=auto}" "${CASSANDRA_RPC_ADDRESS:=0.0.0.0}"
[ "$CASSANDRA_LISTEN_ADDRESS" != auto ] || CASSANDRA_LISTEN_ADDRESS=$own
: "${CASSANDRA_BROADCAST_ADDRESS:=$CASSANDRA_LISTEN_ADDRESS}"
[ "$CASSANDRA_BROADCAST_ADDRESS" != auto ] || CASSANDRA_BROADCAST_ADDRESS=$own
: "${CASSANDRA_BROADCAST_RPC_ADDRESS:=$CASSANDRA_BROADCAST_ADDRESS}"
: "${CASSANDRA_SEEDS:=$CASSANDRA_BROADCAST_ADDRESS}"

for key in broadcast_address broadcast_rpc_address cluster_name endpoint_snitch listen_address num_tokens rpc_address; do
  name=CASSANDRA_${key^^}
  value=${!name:-}
  [ -z "$value" ] || sed -i -E "s|^(# )?$key:.*|$key: $value|" $conf/cassandra.yaml
done
sed -i -E "s|(- seeds:).*|\1 \"$CASSANDRA_SEEDS\"|" $conf/cassandra.yaml
for key in dc rack; do
  name=CASSANDRA_${key^^}
  value=${!name:-}
  [ -z "$value" ] || sed -i -E "s|^$key=.*|$key=$value|" $conf/cassandra-rackdc.properties
done

[ $# -eq 0 ] || [ "$1" = cassandra ] || exec "$@"
mkdir -p /var/lib/cassandra
chown -R nobody /var/lib/cassandra
# What follows -cp is the packages that Cassandra 5's own jvm17-server.options opens, then what the environment adds.
# shellcheck disable=SC2086
exec setpriv --reuid=nobody --regid=nogroup --clear-groups java \
  -ea -Xss256k -Xms"${MAX_HEAP_SIZE:-512M}" -Xmx"${MAX_HEAP_SIZE:-512M}" -Xmn"${HEAP_NEWSIZE:-128M}" \
  -cp "$conf:/opt/cassandra/lib/*" $(cat $conf/jvm17.options) \
  -Dcassandra.config=file://$conf/cassandra.yaml -Dcassandra-rackdc.properties=file://$conf/cassandra-rackdc.properties \
  -Dlogback.configurationFile=$conf/logback.xml -Dcassandra.storagedir=/var/lib/cassandra -Dcassandra-foreground=yes \
  ${JVM_OPTS:-} org.apache.cassandra.service.CassandraDaemon
