#!/bin/sh
# Publish one event with kcat: sh over_kcat.sh ENG-7F3K [127.0.0.1:8401]
data='{"series":"erp_response_ms","component":"erp","unit":"ms","points":[{"at":"2027-03-01T09:01:00Z","value":208}]}'
printf '%s' "$data" | kcat -P -b "${2:-127.0.0.1:8401}" -t monitoring.samples -k "$1" \
  -H ce_specversion=1.0 -H ce_id="kcat-$(date +%s%N)" -H ce_source=/my/shell -H ce_type=inbound.samples_taken.v1 \
  -H ce_engagement="$1" -H ce_tenant=demo -H content-type=application/json
