/* weir
publish: bi.public.one
*/
select 1 as one
