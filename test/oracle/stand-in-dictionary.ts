/** What the stand-in has of Oracle's functions and dictionary beyond orafce, as far as otter asks for it. */
export const STAND_IN_DICTIONARY = `
CREATE SCHEMA stand_in;
SET search_path = stand_in, oracle, public, pg_catalog;

CREATE FUNCTION to_number(text) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT $1::numeric';
CREATE FUNCTION to_date(text, text) RETURNS oracle.date LANGUAGE sql IMMUTABLE AS
  $$SELECT CASE $2 WHEN 'YYYY-MM-DD HH24:MI:SS' THEN $1::timestamp(0)::oracle.date END$$;
CREATE FUNCTION to_timestamp(text, text) RETURNS timestamp LANGUAGE sql IMMUTABLE AS
  $$SELECT CASE $2 WHEN 'YYYY-MM-DD HH24:MI:SS.FF' THEN $1::timestamp END$$;
CREATE FUNCTION to_timestamp_tz(text, text) RETURNS timestamptz LANGUAGE sql STABLE AS
  $$SELECT CASE $2 WHEN 'YYYY-MM-DD HH24:MI:SS.FF TZH:TZM' THEN $1::timestamptz END$$;
CREATE FUNCTION to_dsinterval(text) RETURNS interval LANGUAGE sql IMMUTABLE AS
  $$SELECT (substr($1, 1, 1) || '1')::int * (substr($1, 2, position(' ' in $1) - 2)::int * interval '1 day' + substr($1, position(' ' in $1) + 1)::interval)$$;

CREATE TABLE column_types (owner text, table_name text, column_name text, type text, PRIMARY KEY (owner, table_name, column_name));

-- Of "SCHEMA"."TABLE" a column, with the type that Oracle was told.
CREATE FUNCTION declare(text, text, text) RETURNS void LANGUAGE sql AS $$
  INSERT INTO stand_in.column_types
  SELECT split_part(btrim($1, '"'), '"."', 1), split_part(btrim($1, '"'), '"."', 2), $2, $3
  ON CONFLICT (owner, table_name, column_name) DO UPDATE SET type = excluded.type
$$;

CREATE VIEW all_users AS SELECT nspname::text AS username FROM pg_namespace;

CREATE VIEW all_tables AS
SELECT n.nspname::text AS owner, c.relname::text AS table_name, CASE c.relpersistence WHEN 't' THEN 'Y' ELSE 'N' END AS temporary
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r';

CREATE VIEW all_tab_cols AS
SELECT n.nspname::text AS owner, c.relname::text AS table_name, a.attname::text AS column_name, a.attnum AS column_id,
  CASE WHEN t.type ~ '^(TIMESTAMP|INTERVAL)' THEN t.type ELSE regexp_replace(t.type, '\\(.*\\)', '') END AS data_type,
  CASE WHEN t.type ~ '^(VARCHAR2|RAW)' THEN substring(t.type from '\\((\\d+)')::int * CASE WHEN t.type ~ ' CHAR' THEN 4 ELSE 1 END END AS data_length,
  CASE WHEN t.type ~ '^NUMBER\\(\\d' THEN substring(t.type from '\\((\\d+)')::int END AS data_precision,
  CASE WHEN t.type ~ '^NUMBER\\(' THEN coalesce(substring(t.type from ',(-?\\d+)')::int, 0) END AS data_scale,
  CASE WHEN a.attnotnull THEN 'N' ELSE 'Y' END AS nullable,
  CASE WHEN t.type ~ 'VARCHAR2' THEN substring(t.type from '\\((\\d+)')::int END AS char_length,
  CASE WHEN t.type ~ ' CHAR\\)' THEN 'C' ELSE 'B' END AS char_used,
  CASE WHEN a.attgenerated = '' THEN 'NO' ELSE 'YES' END AS virtual_column, 'NO' AS hidden_column
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN column_types t ON t.owner = n.nspname AND t.table_name = c.relname AND t.column_name = a.attname
WHERE a.attnum > 0 AND NOT a.attisdropped;

CREATE VIEW all_constraints AS
SELECT n.nspname::text AS owner, k.conname::text AS constraint_name, upper(replace(k.contype::text, 'f', 'r')) AS constraint_type,
  c.relname::text AS table_name, i.relname::text AS index_name, 'ENABLED' AS status,
  CASE k.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' ELSE 'NO ACTION' END AS delete_rule,
  pn.nspname::text AS r_owner, pk.conname::text AS r_constraint_name
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class i ON i.oid = k.conindid
LEFT JOIN pg_constraint pk ON k.contype = 'f' AND pk.conrelid = k.confrelid AND pk.contype = 'p'
LEFT JOIN pg_class pc ON pc.oid = pk.conrelid LEFT JOIN pg_namespace pn ON pn.oid = pc.relnamespace
WHERE k.contype IN ('p', 'u', 'f');

CREATE VIEW all_cons_columns AS
SELECT n.nspname::text AS owner, k.conname::text AS constraint_name, a.attname::text AS column_name, p.position
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL unnest(k.conkey) WITH ORDINALITY AS p(attnum, position)
JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p.attnum;

CREATE VIEW all_indexes AS
SELECT n.nspname::text AS owner, i.relname::text AS index_name, n.nspname::text AS table_owner, c.relname::text AS table_name,
  CASE WHEN x.indisunique THEN 'UNIQUE' ELSE 'NONUNIQUE' END AS uniqueness
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace;

CREATE VIEW all_ind_columns AS
SELECT n.nspname::text AS index_owner, i.relname::text AS index_name, coalesce(a.attname::text, 'SYS_NC') AS column_name, p.position AS column_position
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_namespace n ON n.oid = i.relnamespace
CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY AS p(attnum, position)
LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = p.attnum AND p.attnum > 0;

CREATE VIEW all_triggers AS
SELECT t.tgname::text AS trigger_name, n.nspname::text AS table_owner, c.relname::text AS table_name, 'ENABLED' AS status
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT t.tgisinternal;

CREATE FUNCTION sys_context(text, text) RETURNS text LANGUAGE sql STABLE AS $$SELECT current_user::text$$;
CREATE VIEW session_roles AS SELECT NULL::text AS role WHERE false;
-- The superuser may everything; others may create tables in schemas that they own.
CREATE VIEW session_privs AS
SELECT p AS privilege FROM unnest(ARRAY['CREATE SESSION', 'CREATE TABLE']) p
UNION ALL SELECT kind || ' ANY TABLE' FROM unnest(ARRAY['CREATE', 'SELECT', 'INSERT', 'UPDATE', 'DELETE']) kind, pg_roles
WHERE rolname = current_user AND rolsuper;
CREATE VIEW all_tab_privs AS
SELECT grantee::text, table_schema::text, table_name::text, privilege_type::text AS privilege FROM information_schema.role_table_grants;

CREATE VIEW nls_database_parameters AS SELECT 'NLS_CHARACTERSET' AS parameter, 'AL32UTF8' AS value;
CREATE VIEW product_component_version AS SELECT 'Oracle, for which PostgreSQL stands in' AS product, '19.0.0.0.0' AS version;

GRANT USAGE ON SCHEMA stand_in, oracle TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA stand_in TO PUBLIC;
`;
