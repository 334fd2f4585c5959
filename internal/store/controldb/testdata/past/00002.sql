-- The fleet of 00001.sql, brought to the second schema, with what that one added: a plan
-- with a spend cap, a crawler whose log is gone, a message to a webhook that was set aside.

INSERT INTO fleet (one, id) VALUES
(1, 'f-0123456789ab');

INSERT INTO tenants (seq, tenant, name, labels, state, reason, created_at, decide_seq, told_seq,
    webhooks, held_message, held_since, held_until) VALUES
(1, 'acme', 'Acme''s & sons', '{"team":"söuth"}', 'ready', '', 1793613600123456, 4, 0, '', '', 0, 0),
(2, 'other', '', 'null', 'ready', '', 1793613600123456, 3, 0, '', '', 0, 0),
(3, 'late', '', 'null', 'provisioning', '', 1793613600123456, 1, 0, '', '', 0, 0);

INSERT INTO plans (tenant, max_crawlers, slots_per_crawler, max_slots, max_pages, idle_after,
    weight, max_waiting, max_spend, spend_currency, keep_results, keep_logs, keep_rows) VALUES
('acme', 1, 2, 2, 100000, 0, 1, 10000, 0, '', 7776000000000, 604800000000, 34560000000000),
('other', 5, 1, 5, 100000, 0, 1, 500, 90000000, 'EUR', 7776000000000, 86400000000, 34560000000000),
('late', 5, 4, 20, 100000, 0, 1, 10000, 0, '', 7776000000000, 604800000000, 34560000000000);

INSERT INTO crawlers (seq, guid, tenant, state, reason, offering, provider, account, country,
    region, address, provider_id, build, slots, leased, served, proof, pid, idle_after, ticket,
    price, currency, grain, booked, reserved_at, launched_at, main_at, dialed_at, serving_at,
    idle_from, retired_at, gone_at, drain_grace, drain_heard, purged) VALUES
(1, '00000000-0000-4000-8000-000000000001', 'acme', 'gone', 'the launch at process/a failed (capacity): the place is full', 'process/a', 'process', 'local', 'DE', 'region-a', '', '', '', 2, 0, 0, 0, 0, 60000000, 'ended', 3600000, 'EUR', 'second', 1, 1793613600123456, 0, 0, 0, 0, 0, 0, 1793613600123456, 0, 0, 1),
(2, '00000000-0000-4000-8000-000000000002', 'acme', 'gone', 'it is not in the process table', 'process/b', 'process', 'local', 'DE', 'region-b', '127.0.0.2', '4711', '', 2, 0, 2, 0, 77, 60000000, 'ended', 3600000, 'EUR', 'second', 1, 1793613601123456, 1793613602123456, 0, 0, 1793613605123456, 1793613620123456, 0, 1793613620123456, 0, 0, 0),
(3, '00000000-0000-4000-8000-000000000003', 'acme', 'serving', '', 'process/b', 'process', 'local', 'DE', 'region-b', '127.0.0.3', '4712', '', 2, 2, 2, 0, 77, 60000000, 'moved', 3600000, 'EUR', 'second', 0, 1793613621123456, 1793613623123456, 0, 0, 1793613625123456, 0, 0, 0, 0, 0, 0),
(4, '00000000-0000-4000-8000-000000000004', 'other', 'serving', '', 'process/b', 'process', 'local', 'DE', 'region-b', '127.0.0.4', '4711', '', 1, 1, 1, 0, 77, 60000000, 'granted', 3600000, 'EUR', 'second', 0, 1793613627123456, 1793613627123456, 0, 0, 1793613627123456, 0, 0, 0, 0, 0, 0),
(5, '00000000-0000-4000-8000-000000000005', 'other', 'starting', '', 'process/b', 'process', 'local', 'DE', 'region-b', '', '', '', 1, 0, 0, 0, 0, 60000000, 'abroad', 3600000, 'EUR', 'second', 0, 1793613627123456, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

INSERT INTO sessions (tenant, key, guid, offering, address, bound_at) VALUES
('acme', 's', '00000000-0000-4000-8000-000000000003', 'process/b', '127.0.0.3', 1793613625123456);

INSERT INTO tickets (seq, tenant, ticket, hash, state, workflow_id, run_id, attempt, priority,
    session_key, on_loss, place, since, seen_at, start_at, dormant, wait_code, wait_message,
    wait_since, wait_until, epoch, epoch_wanted, fenced, reopen, guid, avoid, never, outcome,
    intent, result, bill, slot_cost, currency, max_cost, cost_currency, accepted_at, leased_at,
    ended_at, deadline, forgotten, webhook, hosts_given, pages_given, spec) VALUES
(1, 'acme', 'ended', '1c005ab6aaa23ad33ae2d0097a153871', 'ended', 'ticket/acme/ended', 'run-1', 1, 3, 's', 'preferred', '', 1793613600123456, 1793613605123456, 0, 0, '', '', 0, 0, 1793613605123456, 0, 0, 0, '00000000-0000-4000-8000-000000000002', '', 0, 'done', '', '{"tenant":"acme","ticket":"ended","outcome":"done","counters":{"discovered":3,"queued":0,"inFlight":0,"fetched":3,"redirected":0,"failed":0,"skipped":0,"bytes":0},"crawlers":["00000000-0000-4000-8000-000000000002"],"addresses":["127.0.0.2"],"attempt":1,"bill":{"micros":5000,"currency":"EUR"},"times":{"accepted":"2026-11-02T10:00:00.123456Z","leased":"2026-11-02T10:00:05.123456Z","ended":"2026-11-02T10:00:15.123456Z"}}', 7200, 7200, 'EUR', 0, '', 1793613600123456, 1793613605123456, 1793613615123456, 0, 0, '', 0, 0, '{"tenant":"acme","id":"ended","urls":["https://Example.com/ended"],"scope":{"hosts":["example.com"],"maxDepth":100,"maxPages":100000},"fetch":{"delay":"500ms","concurrency":8,"timeout":"30s","maxBody":10485760,"retries":2,"robots":"obey"},"session":{"key":"s","onLoss":"preferred"},"priority":3,"attempt":1}'),
(2, 'acme', 'moved', 'e4bc872e4a4916fbb362f5b370e943d4', 'running', 'ticket/acme/moved', 'run-1', 1, 3, '', '', '', 1793613605123456, 1793613625123456, 0, 0, '', '', 0, 0, 1793613621123456, 1793613621123456, 0, 0, '00000000-0000-4000-8000-000000000003', '', 0, '', '', '', 10800, 0, 'EUR', 0, '', 1793613605123456, 1793613605123456, 0, 0, 0, '', 0, 0, '{"tenant":"acme","id":"moved","urls":["https://Example.com/moved"],"labels":{"a":"1"},"scope":{"hosts":["example.com"],"maxDepth":100,"maxPages":100000},"fetch":{"delay":"500ms","concurrency":8,"timeout":"30s","maxBody":10485760,"retries":2,"robots":"obey"},"priority":3,"attempt":1}'),
(3, 'acme', 'running', 'e522b89536ffaa987900daa3c83e542f', 'running', 'ticket/acme/running', 'run-1', 1, 3, 's', 'preferred', '', 1793613625123456, 1793613625123456, 0, 0, '', '', 0, 0, 1793613625123456, 0, 0, 0, '00000000-0000-4000-8000-000000000003', '', 0, '', '', '', 0, 0, '', 0, '', 1793613625123456, 1793613625123456, 0, 0, 0, '', 0, 0, '{"tenant":"acme","id":"running","urls":["https://Example.com/running"],"scope":{"hosts":["example.com"],"maxDepth":100,"maxPages":100000},"fetch":{"delay":"500ms","concurrency":8,"timeout":"30s","maxBody":10485760,"retries":2,"robots":"obey"},"session":{"key":"s","onLoss":"preferred"},"priority":3,"attempt":1}'),
(4, 'acme', 'waiting', 'af56a225ba5d09723245879aaa4db38b', 'waiting', 'ticket/acme/waiting', 'run-1', 1, 3, '', '', '', 1793613626123456, 1793613626123456, 0, 0, 'slot', 'no slot is free and the plan allows no more than 1 crawlers', 1793613626123456, 0, 0, 0, 0, 0, '', '', 0, '', '', '', 0, 0, '', 0, '', 1793613626123456, 0, 0, 0, 0, '', 0, 0, '{"tenant":"acme","id":"waiting","urls":["https://Example.com/waiting"],"scope":{"hosts":["example.com"],"maxDepth":100,"maxPages":100000},"fetch":{"delay":"500ms","concurrency":8,"timeout":"30s","maxBody":10485760,"retries":2,"robots":"obey"},"priority":3,"attempt":1}'),
(5, 'acme', 'in-session', 'fc8e6625d89373953c4330de93d51003', 'waiting', 'ticket/acme/in-session', 'run-1', 1, 3, 's', 'preferred', '', 1793613627123456, 1793613627123456, 0, 0, 'slot', 'no slot is free and the plan allows no more than 1 crawlers', 1793613627123456, 0, 0, 0, 0, 0, '', '', 0, '', '', '', 0, 0, '', 0, '', 1793613627123456, 0, 0, 0, 0, '', 0, 0, '{"tenant":"acme","id":"in-session","urls":["https://Example.com/in-session"],"scope":{"hosts":["example.com"],"maxDepth":100,"maxPages":100000},"fetch":{"delay":"500ms","concurrency":8,"timeout":"30s","maxBody":10485760,"retries":2,"robots":"obey"},"session":{"key":"s","onLoss":"preferred"},"priority":3,"attempt":1}'),
(6, 'acme', 'closing', 'edbc022df175cba360137d0d80c7d27d', 'closing', 'ticket/acme/closing', 'run-1', 1, 3, '', '', '', 1793613627123456, 1793613627123456, 0, 0, '', '', 0, 0, 0, 0, 0, 0, '', '', 0, '', '{"tenant":"acme","ticket":"closing","workflowId":"ticket/acme/closing","outcome":"cancelled","reason":"asked"}', '', 0, 0, '', 0, '', 1793613627123456, 0, 0, 0, 0, '', 0, 0, '{"tenant":"acme","id":"closing","urls":["https://Example.com/closing"],"scope":{"hosts":["example.com"],"maxDepth":100,"maxPages":100000},"fetch":{"delay":"500ms","concurrency":8,"timeout":"30s","maxBody":10485760,"retries":2,"robots":"obey"},"priority":3,"attempt":1}'),
(7, 'acme', 'urgent', '5ac2801ac5d6b4a1f7ca70952b9dc319', 'waiting', 'ticket/acme/urgent', 'run-1', 1, 1, '', '', '', 1793613627123456, 1793613627123456, 0, 0, 'slot', 'no slot is free and the plan allows no more than 1 crawlers', 1793613627123456, 0, 0, 0, 0, 0, '', '', 0, '', '', '', 0, 0, '', 0, '', 1793613627123456, 0, 0, 0, 0, '', 0, 0, '{"tenant":"acme","id":"urgent","urls":["https://Example.com/urgent"],"scope":{"hosts":["example.com"],"maxDepth":100,"maxPages":100000},"fetch":{"delay":"500ms","concurrency":8,"timeout":"30s","maxBody":10485760,"retries":2,"robots":"obey"},"priority":1,"attempt":1}'),
(8, 'other', 'granted', '5b37a78fed6e0e6270fb3012b697ac3f', 'running', 'ticket/other/granted', 'run-1', 1, 3, '', '', '', 1793613627123456, 1793613627123456, 0, 0, '', '', 0, 0, 1793613627123456, 0, 0, 0, '00000000-0000-4000-8000-000000000004', '', 0, '', '', '', 0, 0, '', 0, '', 1793613627123456, 1793613627123456, 0, 0, 0, '', 0, 0, '{"tenant":"other","id":"granted","urls":["https://Example.com/granted"],"scope":{"hosts":["example.com"],"maxDepth":100,"maxPages":100000},"fetch":{"delay":"500ms","concurrency":8,"timeout":"30s","maxBody":10485760,"retries":2,"robots":"obey"},"priority":3,"attempt":1}'),
(9, 'other', 'abroad', 'd55a12689f278c826ad4e719d07b466a', 'waiting', 'ticket/other/abroad', 'run-1', 1, 3, '', '', '{"regions":["region-b"]}', 1793613627123456, 1793613627123456, 0, 0, 'starting', 'a crawler is being started at process/b', 1793613627123456, 0, 0, 0, 0, 0, '', '', 0, '', '', '', 0, 0, '', 0, '', 1793613627123456, 0, 0, 0, 0, '', 0, 0, '{"tenant":"other","id":"abroad","urls":["https://Example.com/abroad"],"scope":{"hosts":["example.com"],"maxDepth":100,"maxPages":100000},"fetch":{"delay":"500ms","concurrency":8,"timeout":"30s","maxBody":10485760,"retries":2,"robots":"obey"},"place":{"regions":["region-b"]},"priority":3,"attempt":1}');

INSERT INTO leases (tenant, ticket, guid, epoch, session_key, offering, address, warm, granted,
    workflow_id, run_id, taken_at, until_at) VALUES
('acme', 'moved', '00000000-0000-4000-8000-000000000003', 1793613621123456, '', 'process/b', '127.0.0.3', 0, 0, 'ticket/acme/moved', 'run-1', 1793613625123456, 0),
('acme', 'running', '00000000-0000-4000-8000-000000000003', 1793613625123456, 's', 'process/b', '127.0.0.3', 0, 0, 'ticket/acme/running', 'run-1', 1793613625123456, 0),
('other', 'granted', '00000000-0000-4000-8000-000000000004', 1793613627123456, '', 'process/b', '127.0.0.4', 0, 1, 'ticket/other/granted', 'run-1', 1793613627123456, 0);

INSERT INTO decisions (seq, at, tenant, ticket, guid, kind, reason) VALUES
(1, 1793613600123456, 'acme', 'ended', '', 'accept', '1 seed, priority 3'),
(2, 1793613600123456, 'acme', 'ended', '', 'wait', 'conductor: no slot is free; the conductor decides on a start'),
(3, 1793613600123456, 'acme', 'ended', '00000000-0000-4000-8000-000000000001', 'start', 'for ticket ended, no slot is free; process/a: the cheapest that fits'),
(4, 1793613600123456, 'acme', 'ended', '', 'wait', 'starting: a crawler is being started at process/a'),
(5, 1793613600123456, 'acme', '', '00000000-0000-4000-8000-000000000001', 'launch', 'the launch at process/a failed (capacity): the place is full'),
(6, 1793613600123456, 'acme', '', '00000000-0000-4000-8000-000000000001', 'cooldown', 'offering process/a is left out for 1m0s (capacity)'),
(7, 1793613601123456, 'acme', 'ended', '00000000-0000-4000-8000-000000000002', 'start', 'for ticket ended, no slot is free; process/b: next in price: process/a is cooling down until 10:01:00 (the place is full)'),
(8, 1793613601123456, 'acme', 'ended', '', 'wait', 'starting: a crawler is being started at process/b'),
(9, 1793613602123456, 'acme', '', '00000000-0000-4000-8000-000000000002', 'launch', 'accepted by process as 4711 after 1s'),
(10, 1793613605123456, 'acme', '', '00000000-0000-4000-8000-000000000002', 'serve', 'serves from 127.0.0.2 after 4s: accepted 1s'),
(11, 1793613605123456, 'acme', 'ended', '00000000-0000-4000-8000-000000000002', 'grant', 'to 00000000-0000-4000-8000-000000000002 at process/b: the only crawler with a free slot (0 of 2 taken)'),
(12, 1793613605123456, 'acme', 'moved', '', 'accept', '1 seed, priority 3'),
(13, 1793613605123456, 'acme', 'moved', '00000000-0000-4000-8000-000000000002', 'route', 'to 00000000-0000-4000-8000-000000000002 at process/b: the only crawler with a free slot (1 of 2 taken)'),
(14, 1793613615123456, 'acme', 'ended', '00000000-0000-4000-8000-000000000002', 'end', 'done, 3 pages, 0.005000 EUR so far'),
(15, 1793613620123456, 'acme', 'moved', '', 'wait', 'conductor: its crawler was lost: it is not in the process table'),
(16, 1793613620123456, 'acme', '', '00000000-0000-4000-8000-000000000002', 'bury', 'it is not in the process table'),
(17, 1793613621123456, 'acme', 'moved', '00000000-0000-4000-8000-000000000003', 'start', 'for ticket moved, no slot is free; process/b: next in price: process/a is cooling down until 10:01:00 (the place is full)'),
(18, 1793613621123456, 'acme', 'moved', '', 'wait', 'starting: a crawler is being started at process/b'),
(19, 1793613623123456, 'acme', '', '00000000-0000-4000-8000-000000000003', 'launch', 'accepted by process as 4712 after 2s'),
(20, 1793613625123456, 'acme', '', '00000000-0000-4000-8000-000000000003', 'serve', 'serves from 127.0.0.3 after 4s: accepted 2s'),
(21, 1793613625123456, 'acme', 'moved', '00000000-0000-4000-8000-000000000003', 'grant', 'to 00000000-0000-4000-8000-000000000003 at process/b: the only crawler with a free slot (0 of 2 taken)'),
(22, 1793613625123456, 'acme', 'running', '', 'accept', '1 seed, priority 3'),
(23, 1793613625123456, 'acme', 'running', '00000000-0000-4000-8000-000000000003', 'route', 'to 00000000-0000-4000-8000-000000000003 at process/b: the only crawler with a free slot (1 of 2 taken)'),
(24, 1793613626123456, 'acme', 'waiting', '', 'accept', '1 seed, priority 3'),
(25, 1793613626123456, 'acme', 'waiting', '', 'wait', 'slot: no slot is free and the plan allows no more than 1 crawlers'),
(26, 1793613627123456, 'acme', 'in-session', '', 'accept', '1 seed, priority 3'),
(27, 1793613627123456, 'acme', 'in-session', '', 'wait', 'slot: no slot is free and the plan allows no more than 1 crawlers'),
(28, 1793613627123456, 'acme', 'closing', '', 'accept', '1 seed, priority 3'),
(29, 1793613627123456, 'acme', 'closing', '', 'wait', 'slot: no slot is free and the plan allows no more than 1 crawlers'),
(30, 1793613627123456, 'acme', 'urgent', '', 'accept', '1 seed, priority 1'),
(31, 1793613627123456, 'acme', 'urgent', '', 'wait', 'slot: no slot is free and the plan allows no more than 1 crawlers'),
(32, 1793613627123456, 'other', 'granted', '', 'accept', '1 seed, priority 3'),
(33, 1793613627123456, 'other', 'granted', '', 'wait', 'conductor: no slot is free; the conductor decides on a start'),
(34, 1793613627123456, 'other', 'granted', '00000000-0000-4000-8000-000000000004', 'start', 'for ticket granted, no slot is free; process/b: next in price: process/a is cooling down until 10:01:00 (the place is full)'),
(35, 1793613627123456, 'other', 'granted', '', 'wait', 'starting: a crawler is being started at process/b'),
(36, 1793613627123456, 'other', '', '00000000-0000-4000-8000-000000000004', 'launch', 'accepted by process as 4711 after 0s'),
(37, 1793613627123456, 'other', '', '00000000-0000-4000-8000-000000000004', 'serve', 'serves from 127.0.0.4 after 0s: accepted 0s'),
(38, 1793613627123456, 'other', 'granted', '00000000-0000-4000-8000-000000000004', 'grant', 'to 00000000-0000-4000-8000-000000000004 at process/b: the only crawler with a free slot (0 of 1 taken)'),
(39, 1793613627123456, 'other', 'abroad', '', 'accept', '1 seed, priority 3'),
(40, 1793613627123456, 'other', 'abroad', '', 'wait', 'conductor: no slot is free; the conductor decides on a start'),
(41, 1793613627123456, 'other', 'abroad', '00000000-0000-4000-8000-000000000005', 'start', 'for ticket abroad, no slot is free; process/b: the cheapest that fits'),
(42, 1793613627123456, 'other', 'abroad', '', 'wait', 'starting: a crawler is being started at process/b');

INSERT INTO ledger (seq, at, tenant, ticket, guid, offering, kind, time, amount, currency) VALUES
(1, 1793613615123456, 'acme', 'ended', '00000000-0000-4000-8000-000000000002', 'process/b', 'slot', 10000000, 5000, 'EUR'),
(2, 1793613620123456, 'acme', 'moved', '00000000-0000-4000-8000-000000000002', 'process/b', 'slot', 15000000, 7500, 'EUR'),
(3, 1793613620123456, 'acme', 'ended', '00000000-0000-4000-8000-000000000002', 'process/b', 'start', 1200000, 1200, 'EUR'),
(4, 1793613620123456, 'acme', 'moved', '00000000-0000-4000-8000-000000000002', 'process/b', 'start', 1800000, 1800, 'EUR'),
(5, 1793613620123456, 'acme', 'ended', '00000000-0000-4000-8000-000000000002', 'process/b', 'idle', 6000000, 1000, 'EUR'),
(6, 1793613620123456, 'acme', 'moved', '00000000-0000-4000-8000-000000000002', 'process/b', 'idle', 9000000, 1500, 'EUR');

INSERT INTO cooldowns (scope, id, until, class, reason) VALUES
('offering', 'process/a', 1793613660123456, 'capacity', 'the place is full');

INSERT INTO keys (digest, tenant, name, created_at, revoked_at, expires_at) VALUES
('5df1b5f0ed1d6ecb3c5bd8dd3b4d1e0f5df1b5f0ed1d6ecb3c5bd8dd3b4d1e0f', 'acme', 'web', 1793613600123456, 0, 0),
('00f1b5f0ed1d6ecb3c5bd8dd3b4d1e0f5df1b5f0ed1d6ecb3c5bd8dd3b4d1e0f', 'acme', 'lost', 1793613600123456, 1793613610123456, 0);

INSERT INTO audit (seq, at, tenant, actor, action, detail) VALUES
(1, 1793613600123456, 'acme', 'ops@host', 'tenant create', 'Acme''s & sons');

INSERT INTO deliveries (seq, tenant, id, ticket, notice, url, state, tries, last_error, created_at,
    tried_at, ended_at, moved_at, message) VALUES
(1, 'acme', 'd-1', 'ended', 'ended', 'https://hooks.example.org/done', 'set_aside', 7, '503 Service Unavailable', 1793613610123456, 1793613620123456, 1793613620123456, 1793613620123456, '{"id":"d-1"}');
