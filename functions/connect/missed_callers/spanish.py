"""Callers who were missed, in Spanish."""

from functions.connect.words import Heading, MissedCallers
from shared.calls.missed_calls import Closed

SPANISH = MissedCallers(
    page=Heading(
        "Llamadas perdidas",
        (
            "Quién ha llamado sin que nadie contestara. Cada persona aparece una sola vez, "
            "aunque haya llamado varias."
        ),
    ),
    summary={
        "one": "Falta devolver la llamada a una persona.",
        "other": "Falta devolver la llamada a {number} personas.",
    },
    show="Ver las llamadas perdidas",
    back="Volver a los ajustes",
    open={"one": "Una llamada por devolver", "other": "{number} llamadas por devolver"},
    nobody="Nadie espera que le devuelvan la llamada.",
    times={"one": "Una llamada perdida:", "other": "{number} llamadas perdidas, la última:"},
    first="La primera:",
    line="Línea {line}",
    done=(
        (
            "Cuando se devuelve la llamada a alguien, desaparece de esta lista. Si no hace "
            "falta llamar, escriba su nombre y pulse «Hecho» junto al número."
        ),
        "Hecho",
    ),
    name="Su nombre",
    closed={
        Closed.DONE: "Guardado: a esta persona ya no hace falta llamarla.",
        Closed.NO_NAME: "Escriba su nombre (60 caracteres como máximo).",
        Closed.NOBODY: "Este número ya no está en la lista.",
        Closed.BUSY: "La llamada se estaba modificando en ese mismo momento. Pulse otra vez.",
    },
    ended="Ya atendidas",
    by={
        "our call": "Llamada devuelta",
        "his call": "Volvió a llamar y le contestaron",
        "press": "Hecho, lo marcó {name}:",
    },
    extension="extensión {extension}",
    hidden={
        "one": "Otra llamada perdida llegó sin número.",
        "other": "Otras {number} llamadas perdidas llegaron sin número.",
    },
    numbers=(
        "Con qué rapidez se devuelven las llamadas",
        (
            "De quienes llamaron sin respuesta por primera vez hace al menos una hora (o un "
            "día): a cuántos se les devolvió la llamada en ese plazo, o volvieron a llamar y "
            "se les contestó. El plazo cuenta desde la primera llamada perdida."
        ),
    ),
    hour="{called_back} de {missed} en una hora",
    day="{called_back} de {missed} en un día",
    pressed={
        "one": "Una se marcó como hecha en un día sin llamar, y no se cuenta.",
        "other": "{number} se marcaron como hechas en un día sin llamar, y no se cuentan.",
    },
    lines=("Por la línea a la que llamaron primero", "Sin línea indicada"),
    extensions=(
        "Quién devolvió la llamada",
        "Sin extensión indicada",
        "{hour} en una hora, {day} en un día",
    ),
    plot=(
        "Cuándo se pierden llamadas",
        (
            "Cada casilla es una hora de la semana (zona horaria: {zone}). Cuantas más "
            "llamadas se pierden, más intensa es; la parte de abajo son las que se "
            "devolvieron en una hora."
        ),
    ),
    days=("lun", "mar", "mié", "jue", "vie", "sáb", "dom"),
    cell="{day} {hour}:00: devueltas en una hora, {called_back} de {missed}",
    csv=(
        "Descargar como tabla (CSV)",
        "Número",
        "Llamadas perdidas",
        "Primera llamada perdida",
        "Última llamada perdida",
        "Líneas",
        "Resultado",
        "Fecha del resultado",
        "Quién",
    ),
    kept={
        "one": "Son las llamadas del último día; las anteriores se borran.",
        "other": "Son las llamadas de los últimos {number} días; las anteriores se borran.",
    },
    cut="Hay tantas llamadas que la lista solo llega hasta el:",
    letter=(
        "Un correo cada mañana",
        (
            "A las {hour}:00 (zona horaria: {zone}), al correo de su cuenta: quién ha "
            "llamado sin respuesta desde la mañana anterior y aún espera. Si no espera "
            "nadie, no se envía."
        ),
        "Recibir el correo",
        "No recibir más correos",
    ),
    stop=Heading(
        "¿No recibir más correos?",
        "Pulse el botón y dejaremos de enviarle el correo de llamadas perdidas de esta sucursal.",
    ),
    stopped=Heading(
        "No recibirá más correos",
        "El correo ya no se envía. Puede pedirlo de nuevo en la página de llamadas perdidas.",
    ),
)
