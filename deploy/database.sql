-- Run once by a superuser of PostgreSQL 15 or newer, with passwords of your own; then, as the owner:
--     JIT_OWNER_DATABASE_URL=postgresql://jit_owner:…@…/jit python -m jit_portal.migrate
-- The portal runs as jit_app, which owns nothing: it can neither change a table nor rewrite the record.
CREATE ROLE jit_owner LOGIN;
CREATE ROLE jit_app LOGIN;
\password jit_owner
\password jit_app
CREATE DATABASE jit OWNER jit_owner ENCODING 'UTF8' TEMPLATE template0;
\connect jit
REVOKE ALL ON DATABASE jit FROM PUBLIC;
GRANT CONNECT ON DATABASE jit TO jit_app;
ALTER SCHEMA public OWNER TO jit_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO jit_app;
ALTER DEFAULT PRIVILEGES FOR ROLE jit_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO jit_app;
ALTER DEFAULT PRIVILEGES FOR ROLE jit_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO jit_app;
