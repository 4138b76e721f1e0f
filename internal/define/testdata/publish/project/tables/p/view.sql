/* weir
mode: view
publish: { to: bi.public.view }
*/
select 1 as one
