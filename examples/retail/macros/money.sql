-- What a line brings in after its discount.
create macro net(quantity, unit_price, discount) as quantity * unit_price - discount;
