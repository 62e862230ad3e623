#!/bin/sh
# Makes PayHub's database and its two logins. The image of PostgreSQL runs it once, on an empty volume; on a server of
# your own, run the SQL as an administrator. The owner migrates; the gateway's login owns nothing and gets its rights from
# the owner at the gateway's start.
set -e
psql --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\getenv owner_password POSTGRES_OWNER_PASSWORD
\getenv gateway_password POSTGRES_GATEWAY_PASSWORD
create role payhub_owner login password :'owner_password';
create role payhub_gateway login password :'gateway_password';
create database payhub owner payhub_owner encoding 'UTF8' template template0;
revoke all on database payhub from public;
grant connect on database payhub to payhub_gateway;
SQL
