/* weir
mode: replace
*/
-- to be written
