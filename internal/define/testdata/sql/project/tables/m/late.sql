select 1
/* weir
mode: replace
*/
