-- A small shop at night: a card processor does not answer, a queue is paused, a person is waited for. Runs have all statuses.
select engine_set_environment('default', concurrency_limit => 400, burst_factor => 1.5);
select engine_set_queue('payments', concurrency_limit => 2);
select engine_set_queue('erp', concurrency_limit => 4);
select engine_set_schedule('erp-sync', 'sync_erp', '*/15 * * * *');
select engine_set_schedule('nightly-report', 'nightly_report', '0 4 * * *', timezone => 'Europe/Berlin');
select engine_set_schedule('price-feed', 'price_feed', '0 */2 * * *', spread_window => '1m');
select engine_set_schedule('black-friday-prices', 'price_feed', '*/5 * 27-30 11 *', active => false);
select engine_register_worker('default', '20261128.3', '[{"id": "fulfil_order"}]', image => 'shop:3');
select engine_register_worker('default', '20261128.4', '[{"id": "fulfil_order"}, {"id": "capture_payment"}]', image => 'shop:4');

-- Workers that tell of themselves: one that holds runs below, and one that has nothing to do.
select engine_report_worker(4, 'payments', 'payments-5d7b-9wd2x');
select engine_report_worker(16, 'mail', 'mail-3f0c-rt5p2');

-- Runs that end: 30 succeed, 24 fail in the same way, 3 in another one, one is cancelled, one expires.
select engine_trigger('generate_invoice', queue => 'orders', payload => format('{"order": %s}', n)) from generate_series(1, 30) as n;
select engine_trigger('capture_payment', queue => 'orders', max_attempts => 1, tags => array['order-' || n],
    payload => format('{"order": %s, "amount": 129.00, "card_token": "tok_0123456789", "email": "jo@example.org"}', n))
from generate_series(1, 24) as n;
select engine_trigger('resize_image', queue => 'orders', max_attempts => 1) from generate_series(1, 3);
do $$
declare r record; begin
    for r in select d.run_id, d.snapshot_id, d.task, d.payload from engine_dequeue(max_runs => 60, worker_id => 'orders', runner_id => 'orders-6c9f-x2lvq') as d loop
        select s.run_id, s.snapshot_id, r.task, r.payload into r from engine_start_attempt(r.run_id, r.snapshot_id, runner_id => 'orders-6c9f-x2lvq') as s;
        case r.task
            when 'generate_invoice' then perform engine_succeed(r.run_id, r.snapshot_id, '{"pages": 2, "number": 12345678901234567890}');
            when 'capture_payment' then perform engine_complete_attempt(r.run_id, r.snapshot_id, jsonb_build_object('ok', false, 'retry', null, 'error',
                jsonb_build_object('type', 'BUILT_IN_ERROR', 'name', 'TIMEOUT',
                    'message', format('acquirer POST /v2/captures/%s: no answer in 30 s', right(r.run_id, 6)),
                    'stackTrace', E'at capture (step 2 of 3)\nPOST https://api.acquirer.example/v2/captures?token=tok_0123456789')));
            else perform engine_fail(r.run_id, r.snapshot_id, 'worker ran out of memory', retry => 'false');
        end case;
    end loop;
end $$;
select engine_cancel((select run_id from engine_trigger('index_product', queue => 'search-index')), 'no longer needed', finalize => true);

-- A run that waits for its child, which has failed once and tries again later.
select engine_trigger('fulfil_order', queue => 'fulfilment', max_attempts => 3, concurrency_key => 'merchant-acme',
    tags => array['order-1048576', 'region-eu'], metadata => '{"step": "capture", "progress": 0.6}',
    payload => '{"order": 1048576, "merchant": "acme", "total": 64.90, "card_token": "tok_0123456789", "lines": [{"sku": "MUG-BLUE", "qty": 2}]}');
do $$
declare p record; c record; w text; begin
    select d.run_id, d.snapshot_id into p from engine_dequeue(worker_id => 'orders', runner_id => 'orders-6c9f-pw8d4') as d;
    select s.run_id, s.snapshot_id into p from engine_start_attempt(p.run_id, p.snapshot_id, runner_id => 'orders-6c9f-pw8d4') as s;
    perform engine_fail(p.run_id, p.snapshot_id, 'ERP 503 Service Unavailable: maintenance until 04:00', retry => '{"delay": 0}');
    select s.run_id, s.snapshot_id into p from engine_start_attempt(p.run_id, (select snapshot_id from engine.run_state where 'run_' || run_id = p.run_id or run_id = p.run_id), runner_id => 'orders-6c9f-pw8d4') as s;
    select t.run_id into c from engine_trigger('capture_payment', queue => 'cards', parent_run_id => p.run_id, resume_parent => true, max_attempts => 5) as t;
    select d.run_id, d.snapshot_id into c from engine_dequeue(worker_id => 'payments', runner_id => 'payments-5d7b-4kqzn') as d;
    select s.run_id, s.snapshot_id into c from engine_start_attempt(c.run_id, c.snapshot_id, runner_id => 'payments-5d7b-4kqzn') as s;
    perform engine_fail(c.run_id, c.snapshot_id, 'TIMEOUT acquirer: no answer in 30 s', retry => '{"delay": 3600000}');
end $$;

-- Work that stays: a full queue, a paused one, a delayed run, and one that a worker holds.
select engine_trigger('capture_payment', queue => 'payments') from generate_series(1, 12);
do $$
declare r record; begin
    for r in select d.run_id, d.snapshot_id from engine_dequeue(max_runs => 4, worker_id => 'payments', runner_id => 'payments-5d7b-9wd2x') as d loop
        perform engine_start_attempt(r.run_id, r.snapshot_id, runner_id => 'payments-5d7b-9wd2x');
    end loop;
end $$;
select engine_set_queue('erp', paused => true);
select engine_trigger('sync_erp', queue => 'erp') from generate_series(1, 3);
select engine_trigger('send_review_request', queue => 'emails', delay_until => now() + interval '7 days');
