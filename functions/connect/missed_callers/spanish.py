"""Callers who were missed, in Spanish."""

from functions.connect.words import Heading, MissedCallers
from shared.calls.missed_calls import Closed

SPANISH = MissedCallers(
    page=Heading(
        "Llamadas perdidas",
        (
            "Quién ha llamado sin que nadie contestara. Por muchas veces que llame alguien, aquí "
            "aparece una sola vez."
        ),
    ),
    summary={
        "one": "A una persona que llamó no se le ha devuelto la llamada.",
        "other": "A {number} personas que llamaron no se les ha devuelto la llamada.",
    },
    show="Ver las llamadas perdidas",
    back="Volver a los ajustes",
    open={"one": "Una por devolver", "other": "{number} por devolver"},
    nobody="Nadie está esperando que le devuelvan la llamada.",
    times={"one": "Perdida una vez:", "other": "Perdida {number} veces, la última:"},
    first="La primera:",
    line="Línea {line}",
    done=(
        (
            "Quien recibe su llamada desaparece solo de esta lista. Si con alguien ya no queda "
            "nada que hacer sin llamarle, escriba su nombre y pulse el botón junto al número."
        ),
        "Hecho",
    ),
    name="Su nombre",
    closed={
        Closed.DONE: "Guardado: con esta persona ya está hecho.",
        Closed.NO_NAME: "Escriba su nombre, con 60 caracteres como máximo.",
        Closed.NOBODY: "Ya no hay ninguna llamada perdida de este número.",
        Closed.BUSY: "La llamada se estaba modificando en este momento. Pulse otra vez.",
    },
    ended="Devueltas o hechas",
    by={
        "our call": "Se le ha devuelto la llamada",
        "his call": "Volvió a llamar y se le contestó",
        "press": "Hecho, según {name}:",
    },
    extension="extensión {extension}",
    hidden={
        "one": "Otra llamada perdida no tenía número al que devolverla.",
        "other": "Otras {number} llamadas perdidas no tenían número al que devolverlas.",
    },
    numbers=(
        "Con qué rapidez se devuelven",
        (
            "Se cuenta a quien llamó sin respuesta por primera vez hace al menos una hora, o un "
            "día: a cuántos se les devolvió la llamada en ese tiempo, o volvieron a llamar y se "
            "les contestó. El tiempo corre desde la primera llamada perdida."
        ),
    ),
    hour="{called_back} de {missed} en una hora",
    day="{called_back} de {missed} en un día",
    pressed={
        "one": "Una quedó hecha en un día sin llamada, y no se cuenta.",
        "other": "{number} quedaron hechas en un día sin llamada, y no se cuentan.",
    },
    lines=("Por la línea a la que llamaron primero", "Sin línea indicada"),
    extensions=(
        "Quién ha devuelto la llamada",
        "Sin teléfono indicado",
        "{hour} en una hora, {day} en un día",
    ),
    plot=(
        "Cuándo se pierden",
        (
            "Cada casilla es una hora de la semana, en la hora de {zone}. Cuantas más se pierden, "
            "más intensa es; la parte de abajo son las que se devolvieron en una hora."
        ),
    ),
    days=("lun", "mar", "mié", "jue", "vie", "sáb", "dom"),
    cell="{day} {hour}:00: {called_back} de {missed} devueltas en una hora",
    csv=(
        "Descargar como tabla (CSV)",
        "Número",
        "Veces perdida",
        "Primera perdida",
        "Última perdida",
        "Líneas",
        "Terminó por",
        "Terminó el",
        "Quién",
    ),
    kept={
        "one": "Son las llamadas del último día; las anteriores se borran.",
        "other": "Son las llamadas de los últimos {number} días; las anteriores se borran.",
    },
    cut="Hay tantas llamadas que estas empiezan solo el:",
    letter=(
        "Un correo cada mañana",
        (
            "A las {hour}:00 en la hora de {zone}, a la dirección de su cuenta: quién llamó sin "
            "respuesta desde la mañana anterior y aún espera. Si no espera nadie, no se envía."
        ),
        "Enviarme el correo",
        "No enviar más correos",
    ),
    stop=Heading(
        "¿No recibir más correos?",
        "Pulse el botón y el correo de llamadas perdidas de esta sucursal dejará de enviarse.",
    ),
    stopped=Heading(
        "No recibirá más correos",
        "El correo ya no se envía. Puede pedirlo de nuevo en la página de llamadas perdidas.",
    ),
)
