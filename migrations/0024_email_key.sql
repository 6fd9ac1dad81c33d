-- One mailbox, one customer, however its address is written: the key is the address in small letters with its domain in
-- ASCII. Addresses from now on get theirs from the code; those that are here get it once, by these functions.

-- RFC 3492, for one label that holds more than ASCII.
create function pg_temp.to_punycode(label text) returns text language plpgsql as $$
declare
  digits constant text := 'abcdefghijklmnopqrstuvwxyz0123456789';
  points int[] := array(select ascii(sign) from regexp_split_to_table(label, '') with ordinality as s (sign, n) order by n);
  encoded text := regexp_replace(label, '[^\x01-\x7f]', '', 'g');
  basic int := length(encoded);
  handled int := basic;
  lowest int := 128;
  delta int := 0;
  bias int := 72;
  next_lowest int;
  point int;
  rest int;
  k int;
  threshold int;
begin
  if basic > 0 then encoded := encoded || '-'; end if;
  while handled < cardinality(points) loop
    select min(p) into next_lowest from unnest(points) p where p >= lowest;
    delta := delta + (next_lowest - lowest) * (handled + 1);
    lowest := next_lowest;
    foreach point in array points loop
      if point < lowest then delta := delta + 1; end if;
      if point = lowest then
        rest := delta;
        k := 36;
        loop
          threshold := least(26, greatest(1, k - bias));
          exit when rest < threshold;
          encoded := encoded || substr(digits, threshold + (rest - threshold) % (36 - threshold) + 1, 1);
          rest := (rest - threshold) / (36 - threshold);
          k := k + 36;
        end loop;
        encoded := encoded || substr(digits, rest + 1, 1);
        delta := case when handled = basic then delta / 700 else delta / 2 end;
        delta := delta + delta / (handled + 1);
        k := 0;
        while delta > 455 loop
          delta := delta / 35;
          k := k + 36;
        end loop;
        bias := k + 36 * delta / (delta + 38);
        delta := 0;
        handled := handled + 1;
      end if;
    end loop;
    delta := delta + 1;
    lowest := lowest + 1;
  end loop;
  return 'xn--' || encoded;
end $$;

create function pg_temp.key_of(email text) returns text language plpgsql as $$
declare
  small text := lower(email);
  domain text := substring(small from '[^@]*$');
begin
  if small !~ '[^\x01-\x7f]' or getdatabaseencoding() <> 'UTF8' then return small; end if;
  select string_agg(case when label ~ '[^\x01-\x7f]' then pg_temp.to_punycode(label) else label end, '.' order by n)
    into domain from regexp_split_to_table(normalize(domain, NFKC), '\.') with ordinality as d (label, n);
  return substring(small from '^(.*)@[^@]*$') || '@' || domain;
end $$;

alter table customers add column email_key text;
update customers set email_key = pg_temp.key_of(email);

-- Two customers who turn out to have one mailbox both stay, with all that is theirs: the mailbox goes to the one who has it
-- in ASCII, else to the older one. The other keeps the key that it had until now and is found by uuid.
with doubled as (
  select id, row_number() over (partition by business_id, env_mode, email_key order by lower(email) = email_key desc, created_at, id) as place
  from customers where deleted_at is null
)
update customers c set email_key = lower(c.email) from doubled d where d.id = c.id and d.place > 1;

alter table customers alter column email_key set not null;
drop index customers_email_key;
create unique index customers_email_key on customers (business_id, env_mode, email_key) where deleted_at is null;

drop function pg_temp.key_of;
drop function pg_temp.to_punycode;
